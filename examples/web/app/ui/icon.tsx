// Icons, drawn in the colour of the text around them.

const PATHS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4",
  down: "M12 5v14M6 13l6 6 6-6",
  block: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18zM5.7 5.7l12.600 12.600",
  flag: "M6 21V4h11l-2 4 2 4H6",
  refresh: "M20 12a8 8 0 1 1-2.3-5.600L20 8.500M20 4v4.500h-4.500",
  swap: "M4 8h13l-3.500-3.500M20 16H7l3.500 3.500",
  bubble: "M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6z",
  check: "M5 12.500l4.500 4.500L19 7.500",
} as const;

/** Decoration: what it stands for is said by what it is in. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
