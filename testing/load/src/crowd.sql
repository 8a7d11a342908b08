-- Conversations of two messages, one of each side, both unread. In $conversations of them the event of the second message is
-- unpublished, and an e-mail to each side is due; in $quiet further ones nothing is due. $agents agents have as many
-- conversations each.
INSERT INTO messaging.conversation (id, client_id, agent_id, agent_user_id, last_seq, events,
    client_received, client_due_at, agent_received, agent_due_at, created_at, activity_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(c::bigint << 12), 12, '0'))::uuid,
    'client-' || c + 1, 'agency-' || c % $agents + 1, 'agent-' || c % $agents + 1, 2, 3,
    1, due.at, 1, due.at,
    now() - interval '40 days', date_trunc('milliseconds', now() - interval '1 hour' - c * interval '10 milliseconds')
FROM generate_series(0, $conversations + $quiet - 1) c
CROSS JOIN LATERAL (SELECT CASE WHEN c < $conversations THEN now() - interval '1 minute' END AS at) due;

INSERT INTO messaging.message (conversation_id, seq, id, from_side, to_sides, sender_id, body, created_at,
    client_position, agent_position)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(c::bigint << 12), 12, '0'))::uuid, s,
    (lpad(to_hex(c), 16, '0') || '8' || lpad(to_hex(s), 15, '0'))::uuid, s, 3 - s,
    CASE s WHEN 1 THEN 'client-' || c + 1 ELSE 'agent-' || c % $agents + 1 END,
    'Is the hut open in May? We would be four, and a dog.',
    date_trunc('milliseconds', now() - interval '1 hour' - c * interval '10 milliseconds'), s - 1, 1
FROM generate_series(0, $conversations + $quiet - 1) c, generate_series(1, 2) s;

INSERT INTO messaging.outbox (conversation_id, number, kind, seq, at)
SELECT id, events, 1, last_seq, activity_at FROM messaging.conversation WHERE client_due_at IS NOT NULL;

INSERT INTO messaging.lane (conversation_id, head, tail, until)
SELECT id, events, events, date_trunc('milliseconds', clock_timestamp())
FROM messaging.conversation WHERE client_due_at IS NOT NULL;
