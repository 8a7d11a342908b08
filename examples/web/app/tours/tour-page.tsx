import { useCallback, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { useConversations } from "../../messaging";
import { type Tour, book, findTour } from "../host";
import { useMe } from "../session";
import { Avatar } from "../ui/avatar";
import { Failed, Loading, Notice } from "../ui/notice";
import { useToasts } from "../ui/toast";
import { useRequest } from "../ui/use-request";
import { days } from "./tours-page";

/** One tour: its agent can be asked, and it can be booked. */
export function TourPage() {
  const { id = "" } = useParams();
  const [answer, again] = useRequest(useCallback(() => findTour(id), [id]));
  if (answer.is === "loading") return <Loading onRetry={again} />;
  if (answer.is === "failed") return <Failed why={answer.why} onRetry={again} />;
  const tour = answer.value;
  if (tour === null) {
    return (
      <Notice title="There is no such tour.">
        <Link to="/tours">All tours</Link>
      </Notice>
    );
  }
  return (
    <article className="one-tour">
      <Link to="/tours" className="muted">
        ← All tours
      </Link>
      <img className="scene" src={tour.image} alt="" />
      <div className="one-tour-columns">
        <div>
          <h1>{tour.title}</h1>
          <p className="lead">{tour.summary}</p>
          <dl className="facts">
            <div>
              <dt>Takes</dt>
              <dd>{days(tour)}</dd>
            </div>
            <div>
              <dt>Group</dt>
              <dd>up to 8</dd>
            </div>
            <div>
              <dt>From</dt>
              <dd>€{tour.price}</dd>
            </div>
          </dl>
        </div>
        <Offer tour={tour} />
      </div>
    </article>
  );
}

function Offer({ tour }: { tour: Tour }) {
  const me = useMe();
  const navigate = useNavigate();
  const { attempt } = useToasts();
  const { conversations, open } = useConversations();
  const [isBusy, setBusy] = useState(false);
  const conversation = conversations.find(({ agent }) => agent.id === tour.agency.id);

  const go = (work: () => Promise<string>) =>
    attempt(async () => {
      setBusy(true);
      try {
        navigate(`/inbox/${await work()}`);
      } finally {
        setBusy(false);
      }
    });

  return (
    <aside className="card offer">
      <div className="person">
        <Avatar src={tour.agency.image} name={tour.agency.name} shape="square" />
        <span className="label">
          <strong>{tour.agency.name}</strong>
          <span className="muted">Your local agent</span>
        </span>
      </div>
      {conversation?.booking && (
        <p className="booked">
          Booked: <Link to={`/inbox/${conversation.id}`}>{conversation.booking.bookingNumber}</Link>
        </p>
      )}
      {me.role === "client" ? (
        <>
          <button
            type="button"
            className="button primary"
            disabled={isBusy}
            onClick={() => go(async () => (await open(tour.agency.id)).id)}
          >
            Ask the agent
          </button>
          {!conversation?.booking && (
            <button
              type="button"
              className="button"
              disabled={isBusy}
              onClick={() => go(async () => (await book(me, tour.agency)).conversationId)}
            >
              Book
            </button>
          )}
        </>
      ) : (
        <p className="muted">Only clients ask and book.</p>
      )}
    </aside>
  );
}
