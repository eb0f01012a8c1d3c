-- name: providers
SELECT id, org, name, type, revision, created, changed, sealed_key, sealed FROM providers ORDER BY created, id;

-- name: insert provider
INSERT INTO providers (id, org, name, type, revision, created, changed, sealed_key, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO NOTHING;

-- name: update provider
UPDATE providers SET revision = ?1, changed = ?2, sealed_key = ?3, sealed = ?4 WHERE id = ?5 AND revision = ?1 - 1;

-- name: delete provider
DELETE FROM providers WHERE id = ? AND revision = ?;

-- name: delete list
DELETE FROM model_lists WHERE account = ?;
