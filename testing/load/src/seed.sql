-- $conversations of $per messages each, by turns of the client and the agent; both have read all but the last ten.
-- $agents agents have as many conversations each. The last activity of the conversations is 10 seconds apart, so that an
-- agent's are in different minutes. A conversation's number stands above the 12 bits of a bucket.
INSERT INTO messaging.conversation (id, client_id, agent_id, agent_user_id, last_seq, events,
    client_received, client_read, client_read_seq, client_read_at, client_mailed,
    agent_received, agent_read, agent_read_seq, agent_read_at, agent_mailed, created_at, activity_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(c::bigint << 12), 12, '0'))::uuid,
    'client-' || c + 1, 'agency-' || c % $agents + 1, 'agent-' || c % $agents + 1, $per, $per + 1,
    $per / 2, ($per - 10) / 2, $per - 10, now() - interval '1 day 1 second', $per / 2,
    $per / 2, ($per - 10) / 2, $per - 11, now() - interval '1 day 1 second', $per / 2,
    now() - interval '40 days', date_trunc('milliseconds', now() - interval '1 day' - c * interval '10 seconds')
FROM generate_series(0, $conversations - 1) c;

INSERT INTO messaging.message (conversation_id, seq, id, from_side, to_sides, sender_id, idempotency_key, body, created_at,
    client_position, agent_position)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(c::bigint << 12), 12, '0'))::uuid, s,
    (lpad(to_hex(c), 16, '0') || '8' || lpad(to_hex(s), 15, '0'))::uuid,
    CASE WHEN s % 2 = 1 THEN 1 ELSE 2 END, CASE WHEN s % 2 = 1 THEN 2 ELSE 1 END,
    CASE WHEN s % 2 = 1 THEN 'client-' || c + 1 ELSE 'agent-' || c % $agents + 1 END, NULL,
    'Is the hut open in May? We would be four, and a dog.',
    date_trunc('milliseconds', now() - interval '1 day' - c * interval '10 seconds') - ($per - s) * interval '5 minutes',
    s / 2, (s + 1) / 2
FROM generate_series(0, $conversations - 1) c, generate_series(1, $per) s;

INSERT INTO messaging.receipt (conversation_id, side, up_to_seq, position, read_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(c::bigint << 12), 12, '0'))::uuid, side, 10 * r + 1 - side, 5 * r,
    now() - interval '1 day' - ($per / 10 - r) * interval '1 second'
FROM generate_series(0, $conversations - 1) c, generate_series(1, $per / 10 - 1) r, generate_series(1, 2) side;
