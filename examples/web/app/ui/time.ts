// Times, as people say them.

const isSameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString();

/** The day of a time, where it is shown; equal for times of the same day. */
export const dayKey = (at: string) => new Date(at).toDateString();

/** As a language says them: that of the browser if none is given. */
export function timesIn(locale?: string) {
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const dayOfYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  const weekdayOfYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const isThisYear = (date: Date, now: Date) => date.getFullYear() === now.getFullYear();

  return {
    clockTime: (at: string) => clock.format(new Date(at)),
    fullTime: (at: string) => full.format(new Date(at)),

    /** `Today`, `Yesterday`, or the day itself. */
    dayName(at: string, now = new Date()): string {
      const date = new Date(at);
      if (isSameDay(date, now)) return "Today";
      const yesterday = new Date(now);
      yesterday.setDate(now.getDate() - 1);
      if (isSameDay(date, yesterday)) return "Yesterday";
      return (isThisYear(date, now) ? weekday : weekdayOfYear).format(date);
    },

    /** The time of something today, the day of anything else. */
    shortTime(at: string, now = new Date()): string {
      const date = new Date(at);
      if (isSameDay(date, now)) return clock.format(date);
      return (isThisYear(date, now) ? day : dayOfYear).format(date);
    },
  };
}

export const { clockTime, fullTime, dayName, shortTime } = timesIn();
