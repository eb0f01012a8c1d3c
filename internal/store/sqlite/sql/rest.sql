-- name: keys
SELECT id, hash, name, org, user, role, agent, workload, agents, models, source, created, revoked FROM keys ORDER BY created;

-- name: insert key
INSERT INTO keys (id, hash, name, org, user, role, agent, workload, agents, models, source, created, revoked)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL);

-- name: revoke key
UPDATE keys SET revoked = coalesce(revoked, ?) WHERE org = ? AND id = ?;

-- name: save list
INSERT INTO model_lists (account, fetched, list) VALUES (?, ?, ?)
ON CONFLICT (account) DO UPDATE SET fetched = excluded.fetched, list = excluded.list;

-- name: load list
SELECT list FROM model_lists WHERE account = ?;
