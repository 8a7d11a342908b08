-- Ids of ours are UUIDs, ids of the host are text, compared byte by byte. Times are whole milliseconds.
-- Sides: 1 the client's, 2 the agent's; a set of sides is their sum.
--
-- "messaging" in double quotes is the schema's name: where it is another one, replace it. To be applied in one
-- transaction: psql --single-transaction --file.
--
-- No table refers to another by a foreign key: each step writes all of its rows in one statement, nothing is
-- ever deleted that others name, and `verify` recounts. What is kept of a conversation leads with its id.

DO $$
BEGIN
    -- Asked first: whoever may not create a schema may still fill one that is there.
    IF to_regnamespace('"messaging"') IS NULL THEN
        CREATE SCHEMA "messaging";
    END IF;
END
$$;

-- What has been applied. `oldest_code` is the oldest code that can still run on the database from then on.
CREATE TABLE "messaging".migration (
    version     integer     NOT NULL PRIMARY KEY,
    name        text        NOT NULL,
    oldest_code integer     NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- Room in each page for the next version of a row: every message brings one.
CREATE TABLE "messaging".conversation (
    id              uuid             NOT NULL PRIMARY KEY,
    client_id       text COLLATE "C" NOT NULL,
    agent_id        text COLLATE "C" NOT NULL,
    agent_user_id   text COLLATE "C" NOT NULL,
    access_version           bigint           NOT NULL DEFAULT 0,
    blocked_by      smallint         NOT NULL DEFAULT 0 CHECK (blocked_by BETWEEN 0 AND 3),
    closed          boolean          NOT NULL DEFAULT false,
    last_seq        bigint           NOT NULL DEFAULT 0,
    client_received    bigint           NOT NULL DEFAULT 0,
    client_read     bigint           NOT NULL DEFAULT 0 CHECK (client_read BETWEEN 0 AND client_received),
    client_read_seq bigint,
    client_read_at  timestamptz,
    -- Up to where it has been mailed, or counts as mailed, and when to look whether the rest is to be.
    client_mailed   bigint           NOT NULL DEFAULT 0 CHECK (client_mailed BETWEEN 0 AND client_received),
    client_due_at   timestamptz,
    agent_received     bigint           NOT NULL DEFAULT 0,
    agent_read      bigint           NOT NULL DEFAULT 0 CHECK (agent_read BETWEEN 0 AND agent_received),
    agent_read_seq  bigint,
    agent_read_at   timestamptz,
    agent_mailed    bigint           NOT NULL DEFAULT 0 CHECK (agent_mailed BETWEEN 0 AND agent_received),
    agent_due_at    timestamptz,
    created_at      timestamptz      NOT NULL,
    activity_at     timestamptz      NOT NULL,
    -- How many events it has had: the number of its newest outbox entry, published or not.
    events          bigint           NOT NULL DEFAULT 0,
    CONSTRAINT conversation_pair UNIQUE (client_id, agent_id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

-- The three lists.
CREATE INDEX conversation_by_client ON "messaging".conversation (client_id, activity_at, id);
CREATE INDEX conversation_by_agent ON "messaging".conversation (agent_id, agent_user_id, activity_at, id);
CREATE INDEX conversation_by_activity ON "messaging".conversation (activity_at, id);
-- An agent's conversations one after the other, to reassign them.
CREATE INDEX conversation_of_agent ON "messaging".conversation (agent_id, id);
-- The totals: nothing but what is unread stands in them.
CREATE INDEX conversation_unread_client ON "messaging".conversation (client_id)
    INCLUDE (client_received, client_read) WHERE client_received > client_read;
CREATE INDEX conversation_unread_agent ON "messaging".conversation (agent_user_id, agent_id)
    INCLUDE (client_id, agent_received, agent_read) WHERE agent_received > agent_read;

-- Who is to be mailed, the longest due first: whichever side is due earlier.
CREATE INDEX conversation_due ON "messaging".conversation (LEAST(client_due_at, agent_due_at))
    WHERE LEAST(client_due_at, agent_due_at) IS NOT NULL;

CREATE TABLE "messaging".booking_link (
    conversation_id uuid             NOT NULL,
    -- In the order in which links were asked for; a number that is left out means nothing.
    position        bigint           NOT NULL GENERATED ALWAYS AS IDENTITY,
    booking_id      text COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation_id, position),
    UNIQUE (conversation_id, booking_id)
);
CREATE INDEX booking_link_by_booking ON "messaging".booking_link (booking_id, conversation_id);

CREATE TABLE "messaging".message (
    conversation_id uuid             NOT NULL,
    seq             bigint           NOT NULL,
    id              uuid             NOT NULL,
    from_side       smallint         NOT NULL CHECK (from_side BETWEEN 0 AND 2), -- 0: the system
    to_sides        smallint         NOT NULL CHECK (to_sides BETWEEN 1 AND 3),
    sender_id       text COLLATE "C" NOT NULL,                                   -- empty: the system
    key             text COLLATE "C",
    body            text             NOT NULL,
    created_at      timestamptz      NOT NULL,
    client_position bigint           NOT NULL,
    agent_position  bigint           NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);

CREATE UNIQUE INDEX message_id ON "messaging".message (conversation_id, id);
CREATE UNIQUE INDEX message_key ON "messaging".message (conversation_id, sender_id, key) WHERE key IS NOT NULL;

-- For counting what went on: rows are only ever added, in the order of time but for a little.
CREATE INDEX message_by_time ON "messaging".message USING brin (created_at)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE "messaging".receipt (
    conversation_id uuid        NOT NULL,
    side            smallint    NOT NULL CHECK (side IN (1, 2)),
    up_to_seq       bigint      NOT NULL,
    position        bigint      NOT NULL, -- the inbox position that this receipt read up to
    read_at         timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, side, up_to_seq),
    UNIQUE (conversation_id, side, position)
);

CREATE INDEX receipt_by_time ON "messaging".receipt USING brin (read_at)
    WITH (pages_per_range = 32, autosummarize = on);

-- This and the next two are queues: when one is empty its file stays as long as it was, so that the planner, who
-- takes an empty file for one that costs nothing to read, goes on by index.
CREATE TABLE "messaging".outbox (
    conversation_id uuid        NOT NULL,
    number          bigint      NOT NULL,
    kind            smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3), -- 1 message, 2 read, 3 updated
    side            smallint,                                          -- of a read
    seq             bigint,                                            -- of a message or a read
    at              timestamptz NOT NULL,
    -- Whose access an update has ended: kept until it is published.
    lost_access     text COLLATE "C",
    PRIMARY KEY (conversation_id, number)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE "messaging".lane (
    conversation_id uuid        NOT NULL PRIMARY KEY,
    head            bigint      NOT NULL,
    -- The number of the last entry: what an owner settles is held against it.
    tail            bigint      NOT NULL,
    owner           uuid,
    until           timestamptz NOT NULL,
    tries           bigint      NOT NULL DEFAULT 0,
    refusals        bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 70, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000);

CREATE INDEX lane_due ON "messaging".lane (until, conversation_id);

-- Links made within a host's transaction to conversations that were there: they get a number in the
-- conversation's outbox, and a lane, when a worker finds them here after the commit, so that the host's
-- transaction holds no lock that a send would wait for.
CREATE TABLE "messaging".unnumbered (
    at              timestamptz NOT NULL,
    place           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    conversation_id uuid        NOT NULL,
    PRIMARY KEY (at, place)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE "messaging".dead_letter (
    conversation_id uuid        NOT NULL,
    number          bigint      NOT NULL,
    kind            smallint    NOT NULL,
    side            smallint,
    seq             bigint,
    at              timestamptz NOT NULL,
    why             text        NOT NULL,
    dead_lettered_at    timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, number)
);

CREATE INDEX dead_letter_by_time ON "messaging".dead_letter (dead_lettered_at, conversation_id, number);

-- Whoever has been due once: who is about to mail them and until when, what may have been sent, and when e-mails
-- were, the newest last.
CREATE TABLE "messaging".digest_user (
    user_id              text COLLATE "C" NOT NULL PRIMARY KEY,
    owner                uuid,
    until                timestamptz,
    attempt_id           uuid,
    attempt_at           timestamptz,
    extent_conversations uuid[],
    extent_sides         smallint[],
    extent_up_tos        bigint[],
    sent                 timestamptz[]    NOT NULL DEFAULT '{}',
    -- How often in a row the mail server has deferred them.
    deferrals            integer          NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

-- Up to which message something was pushed to a side, and when last.
CREATE TABLE "messaging".pushed (
    conversation_id uuid        NOT NULL,
    side            smallint    NOT NULL CHECK (side IN (1, 2)),
    seq             bigint      NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, side)
) WITH (fillfactor = 70);

-- What people told the staff of a conversation. Open: 0, resolved: 1, dismissed: 2.
CREATE TABLE "messaging".report (
    id              uuid             NOT NULL PRIMARY KEY,
    conversation_id uuid             NOT NULL,
    reporter_id     text COLLATE "C" NOT NULL,
    reporter_side   smallint         NOT NULL CHECK (reporter_side IN (1, 2)),
    reported_id     text COLLATE "C" NOT NULL,
    opened_at       timestamptz      NOT NULL,
    complaint_count integer          NOT NULL DEFAULT 1,
    status          smallint         NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 2),
    resolved_by      text COLLATE "C",
    resolved_at      timestamptz,
    note            text,
    CHECK ((status = 0) = (resolved_by IS NULL) AND (status = 0) = (resolved_at IS NULL))
);

CREATE UNIQUE INDEX report_open ON "messaging".report (conversation_id, reporter_id) WHERE status = 0;
CREATE INDEX report_by_status ON "messaging".report (status, id);
-- For erasing a user.
CREATE INDEX report_by_reporter ON "messaging".report (reporter_id);
CREATE INDEX report_by_reported ON "messaging".report (reported_id);

CREATE TABLE "messaging".complaint (
    report_id uuid        NOT NULL,
    place     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    about     bigint      NOT NULL, -- the seq of a message, or 0: the whole conversation
    reason    text        NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (report_id, place)
);

-- A reason is longer than what an index holds, so its digest is in it: by a function that a server in FIPS mode has, too.
-- A backslash, 92, begins an escape in the text of a bytea, and stands for itself when it is doubled.
CREATE UNIQUE INDEX complaint_once ON "messaging".complaint
    (report_id, about, sha256(replace(reason, chr(92), chr(92) || chr(92))::bytea));

-- Messages as they were when they were reported.
CREATE TABLE "messaging".evidence (
    report_id       uuid             NOT NULL,
    seq             bigint           NOT NULL,
    id              uuid             NOT NULL,
    from_side       smallint         NOT NULL,
    to_sides        smallint         NOT NULL,
    sender_id       text COLLATE "C" NOT NULL,
    body            text             NOT NULL,
    created_at      timestamptz      NOT NULL,
    client_position bigint           NOT NULL,
    agent_position  bigint           NOT NULL,
    PRIMARY KEY (report_id, seq)
);

-- For erasing a user.
CREATE INDEX evidence_by_sender ON "messaging".evidence (sender_id);

-- When a user's quota of something will be whole again. Not logged: a crash makes every quota whole.
-- 1 sending, 2 opening, 3 reporting, 4 typing.
CREATE UNLOGGED TABLE "messaging".rate (
    user_id  text COLLATE "C" NOT NULL,
    what     smallint         NOT NULL CHECK (what BETWEEN 1 AND 4),
    whole_at timestamptz      NOT NULL,
    PRIMARY KEY (user_id, what)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

-- One row, written to see whether writes are taken.
CREATE TABLE "messaging".probe (
    one boolean     NOT NULL PRIMARY KEY CHECK (one),
    at  timestamptz NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE "messaging".audit (
    id              uuid             NOT NULL PRIMARY KEY,
    at              timestamptz      NOT NULL,
    actor_id        text COLLATE "C" NOT NULL,
    action          text             NOT NULL,
    conversation_id uuid
);

INSERT INTO "messaging".migration (version, name, oldest_code) VALUES (1, 'init', 1);
