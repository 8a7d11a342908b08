import { useId } from "react";

interface Series {
  readonly name: string;
  /** One for each name; null where there is nothing to say. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** What stands below the bars. */
  readonly names: readonly string[];
  readonly series: readonly Series[];
  readonly shown?: (value: number) => string;
  /** Whether the whole of it is the sum of its parts: the same people may be active on two days. */
  readonly isSummed?: boolean;
}

const HEIGHT = 120;
/** Of one bucket, of which a part is the space to the next. */
const STEP = 20;
const GAP = 4;

/** Bars, and the same figures as a table for screen readers. */
export function Chart({ title, names, series, shown = (value) => value.toLocaleString(), isSummed = true }: ChartProps) {
  const id = useId();
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  const most = Math.max(...values, 0);
  const sum = values.reduce((all, value) => all + value, 0);
  const width = Math.max(names.length, 1) * STEP;
  const bar = (STEP - GAP) / series.length;
  return (
    <figure className="card chart" aria-labelledby={id}>
      <figcaption id={id}>
        <strong>{title}</strong>
        {isSummed ? <span className="total">{shown(sum)}</span> : most > 0 && <span className="muted">at most {shown(most)}</span>}
      </figcaption>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {series.map((one, nth) => (
          <g key={one.name} className={`series-${nth}`}>
            {one.values.map((value, at) => {
              const height = most > 0 && value !== null ? (value / most) * HEIGHT : 0;
              const x = at * STEP + GAP / 2 + nth * bar;
              return (
                <rect key={at} x={x} y={HEIGHT - height} width={bar} height={height}>
                  <title>{`${names[at]}: ${value === null ? "–" : shown(value)}`}</title>
                </rect>
              );
            })}
          </g>
        ))}
      </svg>
      <p className="axis muted" aria-hidden="true">
        <span>{names[0]}</span>
        <span>{names.at(-1)}</span>
      </p>
      {series.length > 1 && (
        <p className="legend muted" aria-hidden="true">
          {series.map((one, nth) => (
            <span key={one.name}>
              <i className={`series-${nth}`} /> {one.name}
            </span>
          ))}
        </p>
      )}
      <table className="visually-hidden">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {series.map((one) => (
              <th key={one.name} scope="col">
                {one.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name, at) => (
            <tr key={at}>
              <th scope="row">{name}</th>
              {series.map((one) => {
                const value = one.values[at] ?? null;
                return <td key={one.name}>{value === null ? "–" : shown(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
