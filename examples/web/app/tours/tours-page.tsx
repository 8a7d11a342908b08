import { useEffect, useState } from "react";
import { Link } from "react-router";

import { type Tour, listTours } from "../host";
import { useMe } from "../session";
import { useToasts } from "../ui/toast";

/** All tours there are. */
export function ToursPage() {
  const me = useMe();
  const { attempt } = useToasts();
  const [tours, setTours] = useState<readonly Tour[]>([]);
  useEffect(() => attempt(async () => setTours(await listTours())), [attempt]);
  return (
    <div className="tours">
      <h1>Where to next?</h1>
      <p className="muted">
        {me.role === "client"
          ? "Small groups, local guides. Ask them anything before you book."
          : "What travellers see. Ask and book as a client."}
      </p>
      <ul className="cards">
        {tours.map((tour) => (
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
