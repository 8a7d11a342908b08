-- What is not as the store would have written it, each as a row; no rows when all is well.

SELECT 'the numbers of ' || id AS wrong FROM conversation LEFT JOIN (
    SELECT conversation_id, COUNT(*), MIN(seq) AS first, MAX(seq) AS last, MAX(created_at) AS newest_at,
        COUNT(*) FILTER (WHERE to_sides IN (1, 3)) AS to_client,
        COUNT(*) FILTER (WHERE to_sides IN (2, 3)) AS to_agent
    FROM message GROUP BY conversation_id
) there ON conversation_id = id
WHERE (last_seq, client_inbox, agent_inbox, activity_at) IS DISTINCT FROM
        (COALESCE(count, 0), COALESCE(to_client, 0), COALESCE(to_agent, 0), COALESCE(newest_at, created_at))
    OR (first, last) <> (1, count)
UNION ALL
SELECT 'message ' || id FROM (
    SELECT *, LAG(id) OVER earlier AS earlier_id, LAG(created_at) OVER earlier AS earlier_at,
        COUNT(*) FILTER (WHERE to_sides IN (1, 3)) OVER earlier AS to_client,
        COUNT(*) FILTER (WHERE to_sides IN (2, 3)) OVER earlier AS to_agent
    FROM message WINDOW earlier AS (PARTITION BY conversation_id ORDER BY seq)
) there
WHERE (client_position, agent_position) <> (to_client, to_agent) OR id < earlier_id OR created_at < earlier_at
UNION ALL
SELECT 'the receipt of ' || conversation_id || '/' || up_to_seq FROM (
    SELECT receipt.*, created_at, CASE side WHEN 1 THEN client_position ELSE agent_position END AS counted,
        LAG(position, 1, 0::bigint) OVER earlier AS earlier, LAG(read_at) OVER earlier AS earlier_at
    FROM receipt LEFT JOIN message ON message.conversation_id = receipt.conversation_id AND seq = up_to_seq
    WINDOW earlier AS (PARTITION BY receipt.conversation_id, side ORDER BY up_to_seq)
) there
WHERE position IS DISTINCT FROM counted OR position <= earlier OR read_at < GREATEST(created_at, earlier_at)
UNION ALL
SELECT 'what was read last of ' || id FROM conversation,
    LATERAL (VALUES (1, client_read, client_read_seq, client_read_at),
        (2, agent_read, agent_read_seq, agent_read_at)) mailbox (reader, read, seq, at)
    LEFT JOIN LATERAL (SELECT * FROM receipt WHERE conversation_id = id AND side = reader
        ORDER BY up_to_seq DESC LIMIT 1) last ON true
WHERE (read, seq, at) IS DISTINCT FROM (COALESCE(position, 0), up_to_seq, read_at)
UNION ALL
SELECT 'the events of ' || id FROM conversation
WHERE events + (SELECT COUNT(*) FROM unnumbered WHERE conversation_id = id) <> last_seq
    + (SELECT COUNT(*) FROM receipt WHERE conversation_id = id)
    + (SELECT COUNT(*) FROM booking_link WHERE conversation_id = id)
UNION ALL
SELECT 'the lane of ' || id FROM conversation LEFT JOIN lane ON lane.conversation_id = id LEFT JOIN (
    SELECT conversation_id, MIN(number) AS first, MAX(number) AS last FROM outbox GROUP BY conversation_id
) unpublished ON unpublished.conversation_id = id
WHERE (head, tail, events) IS DISTINCT FROM (first, last, last)
UNION ALL
SELECT 'entry ' || number || ' of ' || conversation_id FROM outbox LEFT JOIN message USING (conversation_id, seq)
    LEFT JOIN receipt USING (conversation_id, side)
WHERE kind < 3 AND at IS DISTINCT FROM CASE kind WHEN 1 THEN created_at ELSE read_at END
    AND (kind = 1 OR up_to_seq = seq);
