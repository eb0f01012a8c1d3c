-- name: routing of all orgs
SELECT org, section, name, revision, created, changed, changed_by, value FROM routing ORDER BY org, created, section, name;

-- name: insert routing
INSERT INTO routing (org, section, name, revision, created, changed, changed_by, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (org, section, name) DO NOTHING;

-- name: update routing
UPDATE routing SET revision = ?4, changed = ?5, changed_by = ?6, value = ?7 WHERE org = ?1 AND section = ?2 AND name = ?3 AND revision = ?8;

-- name: delete routing
DELETE FROM routing WHERE org = ?1 AND section = ?2 AND name = ?3 AND revision = ?4;
