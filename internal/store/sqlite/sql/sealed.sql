-- What a cache in front writes behind: one table a sort. What has expired is
-- forgotten for all orgs at once, by its index.

-- name: put reasoning
INSERT INTO sealed_reasoning (org, key, user, data, created, expires) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (org, key) DO UPDATE SET user = excluded.user, data = excluded.data, created = excluded.created, expires = excluded.expires;

-- name: get reasoning
SELECT user, data, created, expires FROM sealed_reasoning WHERE org = ? AND key = ? AND expires > ?;

-- name: remove reasoning
DELETE FROM sealed_reasoning WHERE org = ? AND key = ?;

-- name: forget reasoning
DELETE FROM sealed_reasoning WHERE rowid IN (SELECT rowid FROM sealed_reasoning WHERE expires <= ? LIMIT ?);

-- name: put responses
INSERT INTO responses (org, key, user, data, created, expires) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (org, key) DO UPDATE SET user = excluded.user, data = excluded.data, created = excluded.created, expires = excluded.expires;

-- name: get responses
SELECT user, data, created, expires FROM responses WHERE org = ? AND key = ? AND expires > ?;

-- name: remove responses
DELETE FROM responses WHERE org = ? AND key = ?;

-- name: forget responses
DELETE FROM responses WHERE rowid IN (SELECT rowid FROM responses WHERE expires <= ? LIMIT ?);
