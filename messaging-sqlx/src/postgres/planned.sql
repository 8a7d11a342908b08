-- Inserts $rows rows into each table, one message per conversation. The counts are inconsistent, but every
-- table is equally large, so that the planner scans none for being small.

CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT ('0190163d-8694-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid
$$;
CREATE FUNCTION pg_temp.at(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2026-01-01Z' + n * interval '1 minute'
$$;
-- The rows need not survive a crash.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = '"messaging"'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s SET UNLOGGED', t);
    END LOOP;
END
$$;

CREATE TEMP TABLE n AS SELECT generate_series(1::bigint, $rows) AS n;

INSERT INTO "messaging".conversation (id, client_id, agent_id, agent_user_id, last_seq, client_received, agent_received,
    client_due_at, agent_due_at, created_at, activity_at, events)
SELECT pg_temp.id(n), 'client-' || n / 5, 'agency-' || n % 997, 'agent-' || n % 997, 1, n % 2, 1 - n % 2,
    CASE WHEN n % 100 = 0 THEN pg_temp.at(n) END, CASE WHEN n % 100 = 1 THEN pg_temp.at(n) END,
    pg_temp.at(n), pg_temp.at(n), 2 FROM n;
INSERT INTO "messaging".booking_link (conversation_id, booking_id) SELECT pg_temp.id(n), 'booking-' || n FROM n;
INSERT INTO "messaging".message (conversation_id, seq, id, from_side, to_sides, sender_id, idempotency_key, body, created_at,
    client_position, agent_position)
SELECT pg_temp.id(n), 1, pg_temp.id(n), 1, 2, 'client-' || n / 5, n, 'words of message ' || n, pg_temp.at(n), 0, 1
FROM n;
INSERT INTO "messaging".receipt (conversation_id, side, up_to_seq, position, read_at)
SELECT pg_temp.id(n), 2, 1, 1, pg_temp.at(n) FROM n;
INSERT INTO "messaging".outbox (conversation_id, number, kind, seq, at)
SELECT pg_temp.id(n), 2, 1, 1, pg_temp.at(n) FROM n;
INSERT INTO "messaging".lane (conversation_id, head, tail, until) SELECT pg_temp.id(n), 2, 2, pg_temp.at(n) FROM n;
INSERT INTO "messaging".unnumbered (at, conversation_id) SELECT pg_temp.at(n), pg_temp.id(n) FROM n;
INSERT INTO "messaging".dead_letter (conversation_id, number, kind, at, why, dead_lettered_at)
SELECT pg_temp.id(n), 1, 3, pg_temp.at(n), 'it is too large', pg_temp.at(n) FROM n;
INSERT INTO "messaging".digest_user (user_id, sent) SELECT 'client-' || n, ARRAY[pg_temp.at(n)] FROM n;
INSERT INTO "messaging".pushed (conversation_id, side, seq, at) SELECT pg_temp.id(n), 1, 1, pg_temp.at(n) FROM n;
INSERT INTO "messaging".report (id, conversation_id, reporter_id, reporter_side, reported_id, opened_at)
SELECT pg_temp.id(n), pg_temp.id(n), 'client-' || n / 5, 1, 'agent-' || n % 997, pg_temp.at(n) FROM n;
INSERT INTO "messaging".complaint (report_id, about, reason, at)
SELECT pg_temp.id(n), 1, 'reason ' || n, pg_temp.at(n) FROM n;
INSERT INTO "messaging".evidence (report_id, seq, id, from_side, to_sides, sender_id, body, created_at,
    client_position, agent_position)
SELECT pg_temp.id(n), 1, pg_temp.id(n), 1, 2, 'client-' || n / 5, 'words of message ' || n, pg_temp.at(n), 0, 1
FROM n;
INSERT INTO "messaging".rate (user_id, what, whole_at) SELECT 'client-' || n, 1, pg_temp.at(n) FROM n;
INSERT INTO "messaging".audit (id, at, actor_id, action) SELECT pg_temp.id(n), pg_temp.at(n), 'admin', 'list' FROM n;
INSERT INTO "messaging".probe VALUES (true, now());

DROP TABLE n;

-- What autovacuum does in time.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = '"messaging"'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('ANALYZE %s', t);
    END LOOP;
END
$$;
