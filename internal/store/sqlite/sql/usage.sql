-- Sums, from the roll-ups where one dimension is enough, else from single turns.
-- A model's key is provider/model-id; a filter may leave the provider out.

-- name: usage by key
SELECT key, sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), sum(reasoning), sum(turns), sum(cost), sum(unknown_cost_turns)
FROM usage_daily
WHERE org = ?1 AND dimension = ?2 AND day BETWEEN ?4 AND ?5
  AND (?3 = '' OR key = ?3 OR dimension = 'model' AND substr(key, instr(key, '/') + 1) = ?3)
GROUP BY key
ORDER BY sum(input) + sum(cache_read) + sum(cache_write) + sum(cache_write_1h) + sum(output) DESC, key;

-- name: usage daily
SELECT day, sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), sum(reasoning), sum(turns), sum(cost), sum(unknown_cost_turns)
FROM usage_daily
WHERE org = ?1 AND dimension = ?2 AND day BETWEEN ?4 AND ?5
  AND (key = ?3 OR dimension = 'model' AND substr(key, instr(key, '/') + 1) = ?3)
GROUP BY day
ORDER BY day;

-- Ids begin with the time (UUIDv7), so that a span of them is a span of the index
-- over org and id. Tokens and cost count with the attempt that spent them, a turn
-- with its last attempt, which answered or was the last to fail.

-- name: usage of rows
SELECT k, sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), sum(reasoning), sum(answers), sum(cost), sum(answers AND unpriced)
FROM (
  SELECT CASE ?2
      WHEN 'model' THEN a.provider || '/' || a.model WHEN 'provider' THEN a.provider WHEN 'agent' THEN t.agent WHEN 'user' THEN t.user
      WHEN 'session' THEN t.session WHEN 'workload' THEN t.workload WHEN 'purpose' THEN t.purpose WHEN 'key' THEN t.key
      ELSE printf('%020d', t.started / 900000000) END AS k,
    a.input, a.cache_read, a.cache_write, a.cache_write_1h, a.output, a.reasoning, coalesce(a.cost, 0) AS cost,
    NOT EXISTS (SELECT 1 FROM attempts b WHERE b.turn = t.id AND b.org = t.org AND b.number > a.number) AS answers,
    EXISTS (SELECT 1 FROM attempts b WHERE b.turn = t.id AND b.org = t.org AND b.cost IS NULL) AS unpriced
  FROM turns t CROSS JOIN attempts a ON a.turn = t.id AND a.org = t.org
  WHERE t.org = ?1 AND t.id >= ?3 AND t.id < ?4 AND t.started >= ?5 AND t.started < ?6
    AND (?7 = '' OR a.model = ?7 OR a.provider || '/' || a.model = ?7) AND (?8 = '' OR a.provider = ?8)
    AND (?9 = '' OR t.agent = ?9) AND (?10 = '' OR t.user = ?10) AND (?11 = '' OR t.session = ?11)
    AND (?12 = '' OR t.workload = ?12) AND (?13 = '' OR t.purpose = ?13) AND (?14 = '' OR t.key = ?14)
)
GROUP BY k
ORDER BY CASE ?2 WHEN '' THEN 0 ELSE sum(input) + sum(cache_read) + sum(cache_write) + sum(cache_write_1h) + sum(output) END DESC, k;

-- name: turns
SELECT id, org, user, key, end_user, agent, session, session_source, workload, class, purpose, requested_model, format, stream,
  status, started, first_token, duration, decision
FROM turns
WHERE org = ?1 AND id >= ?2 AND id < ?3 AND started >= ?4 AND started < ?5
  AND (?6 = '' OR user = ?6) AND (?7 = '' OR agent = ?7) AND (?8 = '' OR session = ?8) AND (?9 = '' OR workload = ?9)
  AND (?10 = '' OR purpose = ?10) AND (?11 = '' OR model = ?11 OR provider || '/' || model = ?11) AND (?12 = '' OR provider = ?12)
  AND (?13 = '' OR status = ?13) AND (?14 = '' OR key = ?14)
ORDER BY id DESC LIMIT ?15;

-- name: session end
SELECT last_seen, turns FROM sessions WHERE org = ?1 AND id = ?2;
