-- $scale times 1,000 conversations and 20,000 messages, of which one agent has 200 and one conversation has
-- 1,000. Everything is what the store would have written, and lies in the order of its time, as it would
-- after years: the messages of about a hundred conversations between two of the same one.
--
-- What is looked at is the same at every scale: client 0 has 50 conversations, 40 of them with something
-- unread, as have 40 of agent 0's; of the lanes, one for each conversation, 5 are due; and 1,000 links wait
-- for their number, though not since the time from which on a claim looks for them.

CREATE FUNCTION pg_temp.id(at timestamptz, major bigint, minor bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008'
        || lpad(to_hex(major), 7, '0') || lpad(to_hex(minor), 8, '0'))::uuid
$$;

-- The client writes what is odd, the agent what is even, but the system each tenth, to both.
CREATE FUNCTION pg_temp.client_position(seq bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT seq / 2
$$;
CREATE FUNCTION pg_temp.agent_position(seq bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT (seq + 1) / 2 + seq / 10
$$;

CREATE TEMP TABLE pair ON COMMIT DROP AS SELECT
    n,
    -- No two numbers of conversations of one client give the same agent.
    CASE n % (20 * $scale) WHEN 1 THEN 0 ELSE 1 + n % (250 * $scale + 1) END AS client,
    CASE n % 5 WHEN 0 THEN 0 ELSE 1 + n % (63 * $scale) END AS agent,
    -- 19 on average, and 0 where the long one is.
    CASE n WHEN 0 THEN 1000 * $scale
        ELSE (ARRAY[0, 8, 17, 29, 41])[1 + (n / (20 * $scale) + n % (20 * $scale) / 5) % 5] END AS last_seq,
    CASE n WHEN 0 THEN interval '10 minutes' ELSE interval '1 hour' END AS pace,
    timestamptz '2026-01-01Z' + n * interval '10 minutes' AS opened_at
FROM generate_series(0, 1000 * $scale - 1) n;

-- A quarter of each side has read half; of agent 0's, only of the newest.
CREATE TEMP TABLE thread ON COMMIT DROP AS SELECT
    *,
    pg_temp.id(opened_at, n, 0) AS id,
    opened_at + last_seq * pace AS activity_at,
    NULLIF(CASE WHEN n % 4 = 1 THEN last_seq / 2 ELSE last_seq END, 0) AS client_read,
    NULLIF(CASE WHEN n % 4 = 3 AND (agent > 0 OR n >= 1000 * ($scale - 1)) THEN last_seq / 2
        ELSE last_seq END, 0) AS agent_read
FROM pair;

INSERT INTO message (conversation_id, seq, id, from_side, to_sides, sender_id, idempotency_key, body, created_at,
    client_position, agent_position)
SELECT thread.id, seq, pg_temp.id(at, n, seq),
    CASE WHEN seq % 10 = 0 THEN 0 ELSE 2 - seq % 2 END,
    CASE WHEN seq % 10 = 0 THEN 3 ELSE 1 + seq % 2 END,
    CASE WHEN seq % 10 = 0 THEN '' WHEN seq % 2 = 1 THEN 'client-' || client ELSE 'agent-' || agent END,
    CASE WHEN seq % 10 > 0 THEN pg_temp.id(at, n, seq)::text END,
    repeat('word ', 10 + (n + seq)::int % 20), at,
    pg_temp.client_position(seq), pg_temp.agent_position(seq)
FROM thread, generate_series(1::bigint, last_seq) seq, LATERAL (SELECT opened_at + seq * pace AS at) time
ORDER BY at;

INSERT INTO receipt (conversation_id, side, up_to_seq, position, read_at)
SELECT id, side, seq,
    CASE side WHEN 1 THEN pg_temp.client_position(seq) ELSE pg_temp.agent_position(seq) END, at
FROM thread, LATERAL (SELECT 1 AS side, client_read AS up_to UNION ALL SELECT 2, agent_read) reader,
    generate_series(up_to, 2, -6) seq,
    LATERAL (SELECT opened_at + seq * pace + side * interval '1 minute' AS at) time
ORDER BY at;

-- A second booking comes when all has been said and read; in the newest thousand a third, within a transaction
-- of the host's, and has no number yet.
INSERT INTO booking_link (conversation_id, booking_id)
SELECT id, 'booking-' || n || '-' || link
FROM thread, generate_series(1, CASE WHEN n >= 1000 * ($scale - 1) THEN 3 ELSE 2 END) link
ORDER BY CASE link WHEN 1 THEN opened_at ELSE activity_at + link * interval '1 minute' END, n;

INSERT INTO unnumbered (at, conversation_id)
SELECT activity_at + 3 * interval '1 minute', id FROM thread
WHERE n >= 1000 * ($scale - 1) ORDER BY activity_at, n;

INSERT INTO conversation (id, client_id, agent_id, agent_user_id, last_seq,
    client_received, client_read, client_read_seq, client_read_at,
    agent_received, agent_read, agent_read_seq, agent_read_at, created_at, activity_at, events)
SELECT id, 'client-' || client, 'agency-' || agent, 'agent-' || agent, last_seq,
    pg_temp.client_position(last_seq), COALESCE(pg_temp.client_position(client_read), 0), client_read,
    opened_at + client_read * pace + interval '1 minute',
    pg_temp.agent_position(last_seq), COALESCE(pg_temp.agent_position(agent_read), 0), agent_read,
    opened_at + agent_read * pace + interval '2 minutes', opened_at, activity_at,
    2 + last_seq + COALESCE((client_read + 4) / 6, 0) + COALESCE((agent_read + 4) / 6, 0)
FROM thread ORDER BY n;

-- As after an outage of the transport: all last events wait to be published. Of the newest conversations some
-- are due, each with its last message and its receipts before that.
CREATE TEMP TABLE waiting ON COMMIT DROP AS SELECT
    thread.id, thread.activity_at, thread.last_seq, events,
    row_number() OVER (ORDER BY thread.last_seq = 17 AND n % 4 = 0 DESC, n DESC) <= 5 AS is_due
FROM thread JOIN conversation USING (id);

INSERT INTO outbox (conversation_id, number, kind, side, seq, at)
SELECT id, events - back, kind, side, CASE WHEN kind < 3 THEN last_seq END,
    activity_at + CASE kind WHEN 1 THEN 0 WHEN 2 THEN side ELSE 2 END * interval '1 minute'
FROM waiting JOIN (VALUES (3, 1, NULL), (2, 2, 1), (1, 2, 2), (0, 3, NULL)) entry (back, kind, side)
    ON is_due OR back = 0
ORDER BY activity_at, id, back DESC;

INSERT INTO lane (conversation_id, head, tail, until, tries)
SELECT id, CASE WHEN is_due THEN events - 3 ELSE events END, events,
    CASE WHEN is_due THEN timestamptz '2030-01-01Z' ELSE '2100-01-01Z' END, 3
FROM waiting ORDER BY activity_at, id;

INSERT INTO dead_letter (conversation_id, number, kind, at, why, dead_lettered_at)
SELECT id, 1, 3, opened_at, 'it is too large', opened_at FROM thread ORDER BY n;

INSERT INTO audit (id, at, actor_id, action, conversation_id)
SELECT pg_temp.id(opened_at, n, access), opened_at, 'admin-' || n % 10, 'read_history', id
FROM thread, generate_series(1, 2) access ORDER BY n, access;
