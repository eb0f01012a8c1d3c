-- name: position
SELECT segment, at FROM ledger_position WHERE one = 1;

-- name: set position
INSERT INTO ledger_position (one, segment, at) VALUES (1, ?, ?)
ON CONFLICT (one) DO UPDATE SET segment = excluded.segment, at = excluded.at;

-- name: insert turn
INSERT INTO turns (org, id, user, key, end_user, agent, session, session_source, workload, class, purpose, requested_model,
  provider, model, format, stream, status, started, first_token, duration, decision)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (org, id) DO NOTHING;

-- name: insert attempt
INSERT INTO attempts (org, turn, number, provider, model, served_model, key_hint, format, started, first_token, duration,
  status, error_kind, error_status, error_text, finish, input, cache_read, cache_write, cache_write_1h, output, reasoning, quality, cost, downgrades)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: add usage
INSERT INTO usage_daily (org, dimension, day, key, input, cache_read, cache_write, cache_write_1h, output, reasoning, turns, cost, unknown_cost_turns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (org, dimension, day, key) DO UPDATE SET
  input = input + excluded.input, cache_read = cache_read + excluded.cache_read, cache_write = cache_write + excluded.cache_write,
  cache_write_1h = cache_write_1h + excluded.cache_write_1h, output = output + excluded.output, reasoning = reasoning + excluded.reasoning,
  turns = turns + excluded.turns, cost = cost + excluded.cost, unknown_cost_turns = unknown_cost_turns + excluded.unknown_cost_turns;

-- name: add hourly usage
INSERT INTO usage_hourly (org, dimension, hour, key, input, cache_read, cache_write, cache_write_1h, output, reasoning, turns, cost, unknown_cost_turns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (org, dimension, hour, key) DO UPDATE SET
  input = input + excluded.input, cache_read = cache_read + excluded.cache_read, cache_write = cache_write + excluded.cache_write,
  cache_write_1h = cache_write_1h + excluded.cache_write_1h, output = output + excluded.output, reasoning = reasoning + excluded.reasoning,
  turns = turns + excluded.turns, cost = cost + excluded.cost, unknown_cost_turns = unknown_cost_turns + excluded.unknown_cost_turns;

-- name: touch session
INSERT INTO sessions (org, id, source, user, agent, workload, provider, model, first_seen, last_seen, turns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (org, id) DO UPDATE SET
  provider = excluded.provider, model = excluded.model, last_seen = max(last_seen, excluded.last_seen), turns = turns + excluded.turns;

-- name: old turns
WITH RECURSIVE orgs (org) AS (
  SELECT min(org) FROM turns
  UNION ALL
  SELECT (SELECT min(t.org) FROM turns t WHERE t.org > orgs.org) FROM orgs WHERE orgs.org IS NOT NULL
)
SELECT turns.org, turns.id FROM orgs JOIN turns ON turns.org = orgs.org WHERE turns.id < ? LIMIT ?;

-- name: delete turn
DELETE FROM turns WHERE org = ? AND id = ?;

-- name: delete attempts
DELETE FROM attempts WHERE org = ? AND turn = ?;

-- name: turn
SELECT id, org, user, key, end_user, agent, session, session_source, workload, class, purpose, requested_model, format, stream,
  status, started, first_token, duration, decision
FROM turns WHERE org = ? AND id = ?;

-- name: attempts
SELECT number, provider, model, served_model, key_hint, format, started, first_token, duration, status, error_kind, error_status,
  error_text, finish, input, cache_read, cache_write, cache_write_1h, output, reasoning, quality, cost, downgrades
FROM attempts WHERE org = ? AND turn = ? ORDER BY number;

-- name: all turns
SELECT id, org, user, key, end_user, agent, session, session_source, workload, class, purpose, requested_model, format, stream,
  status, started, first_token, duration, decision
FROM turns WHERE org = ? ORDER BY id;

-- What the whole installation used, org by org.

-- name: spent by model
WITH RECURSIVE orgs (org) AS (
  SELECT min(org) FROM usage_hourly
  UNION ALL
  SELECT (SELECT min(u.org) FROM usage_hourly u WHERE u.org > orgs.org) FROM orgs WHERE orgs.org IS NOT NULL
)
SELECT u.hour, u.key, sum(u.turns), sum(u.input + u.cache_read + u.cache_write + u.cache_write_1h + u.output)
FROM orgs JOIN usage_hourly u ON u.org = orgs.org WHERE u.dimension = 'model' AND u.hour >= ?
GROUP BY u.hour, u.key ORDER BY u.hour, u.key;
