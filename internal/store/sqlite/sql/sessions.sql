-- Sessions of an org, those used last first; a cursor is where the last page ended.

-- name: sessions
SELECT id, source, user, agent, workload, provider, model, first_seen, last_seen, turns
FROM sessions
WHERE org = ?1 AND last_seen <= ?2 AND (last_seen < ?2 OR id < ?3)
  AND (?4 = '' OR user = ?4) AND (?5 = '' OR agent = ?5) AND (?6 = '' OR workload = ?6)
ORDER BY last_seen DESC, id DESC LIMIT ?7;

-- name: session
SELECT id, source, user, agent, workload, provider, model, first_seen, last_seen, turns
FROM sessions WHERE org = ?1 AND id = ?2;
