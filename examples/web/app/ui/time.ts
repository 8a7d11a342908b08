// Times, as people say them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

const isSameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString();

export const clockTime = (at: string) => clock.format(new Date(at));
export const fullTime = (at: string) => full.format(new Date(at));

/** The day of a time, where it is shown; equal for times of the same day. */
export const dayKey = (at: string) => new Date(at).toDateString();

/** `Today`, `Yesterday`, or the day itself. */
export function dayName(at: string, now = new Date()): string {
  const date = new Date(at);
  if (isSameDay(date, now)) return "Today";
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (isSameDay(date, yesterday)) return "Yesterday";
  return date.getFullYear() === now.getFullYear() ? weekday.format(date) : full.format(date).split(",")[0] ?? "";
}

/** The time of something today, the day of anything else. */
export function shortTime(at: string, now = new Date()): string {
  const date = new Date(at);
  return isSameDay(date, now) ? clock.format(date) : day.format(date);
}
