-- name: drop answer
DELETE FROM answers WHERE org = ? AND id = ?;

-- name: put answer
INSERT INTO answers (org, id, data, expires) VALUES (?, ?, ?, ?);

-- name: get answer
SELECT data FROM answers WHERE org = ? AND id = ? AND expires > ?;

-- name: forget answers
DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE expires <= ? ORDER BY expires LIMIT 500);

-- name: forget oldest answers
DELETE FROM answers WHERE (SELECT bytes FROM answers_kept) > ? AND rowid IN (SELECT rowid FROM answers ORDER BY expires LIMIT 16);
