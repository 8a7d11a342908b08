import { Link } from "react-router";

import { type Tour, listTours } from "../host";
import { useMe } from "../session";
import { Failed, Loading } from "../ui/notice";
import { useRequest } from "../ui/use-request";

/** All tours there are. */
export function ToursPage() {
  const me = useMe();
  const [tours, again] = useRequest(listTours);
  return (
    <div className="tours">
      <h1>Where to next?</h1>
      <p className="muted">
        {me.role === "client"
          ? "Small groups, local guides. Ask them anything before you book."
          : "What travellers see. Ask and book as a client."}
      </p>
      {tours.is === "loading" && <Loading onRetry={again} />}
      {tours.is === "failed" && <Failed why={tours.why} onRetry={again} />}
      <ul className="cards">
        {(tours.is === "there" ? tours.value : []).map((tour) => (
          <li key={tour.id} className="card tour">
            <img src={tour.image} alt="" loading="lazy" />
            <div className="tour-text">
              <p className="muted">{tour.agency.name}</p>
              <h2>
                <Link to={`/tours/${tour.id}`}>{tour.title}</Link>
              </h2>
              <p className="tour-facts">
                {days(tour)} · from €{tour.price}
              </p>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

export const days = (tour: Tour) => (tour.days === 1 ? "1 day" : `${tour.days} days`);
