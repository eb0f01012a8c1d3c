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

-- name: put repeats
INSERT INTO repeats (org, key, user, data, created, expires) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (org, key) DO UPDATE SET user = excluded.user, data = excluded.data, created = excluded.created, expires = excluded.expires;

-- name: get repeats
SELECT user, data, created, expires FROM repeats WHERE org = ? AND key = ? AND expires > ?;

-- name: remove repeats
DELETE FROM repeats WHERE org = ? AND key = ?;

-- name: forget repeats
DELETE FROM repeats WHERE rowid IN (SELECT rowid FROM repeats WHERE expires <= ? LIMIT ?);

-- Beyond their bound, the oldest of all orgs make room.
-- name: forget oldest repeats
DELETE FROM repeats WHERE (SELECT bytes FROM repeats_kept) > ? AND rowid IN (SELECT rowid FROM repeats ORDER BY expires LIMIT 16);

-- name: put choices
INSERT INTO choices (org, key, user, data, created, expires) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (org, key) DO UPDATE SET user = excluded.user, data = excluded.data, created = excluded.created, expires = excluded.expires;

-- name: get choices
SELECT user, data, created, expires FROM choices WHERE org = ? AND key = ? AND expires > ?;

-- name: remove choices
DELETE FROM choices WHERE org = ? AND key = ?;

-- name: forget choices
DELETE FROM choices WHERE rowid IN (SELECT rowid FROM choices WHERE expires <= ? LIMIT ?);
