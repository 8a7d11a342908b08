import { expect, test } from "vitest";

import { dayName, timesIn } from "./time";

const LOCALES =
  "ar ar-EG bn bg ca cs da de de-CH el en en-GB en-US es et eu fa fi fr fr-CA he hi hr hu id is it ja ka ko lt lv mr ms nb nl pl pt pt-BR ro ru sk sl sr sv sw ta te th tr uk ur vi zh zh-TW".split(" ");

const at = (year: number, month: number, day: number) => new Date(year, month - 1, day, 12).toISOString();
const now = new Date(2026, 0, 3, 9);

test("a day of another year shows its year, in every language", () => {
  for (const locale of LOCALES) {
    const times = timesIn(locale);
    for (const name of [times.dayName, times.shortTime]) {
      const years = [2023, 2024, 2025].map((year) => name(at(year, 12, 24), now));
      expect(new Set(years).size, `${locale}: ${years}`).toBe(3);
      // The month and the day are shown, too.
      const others = [name(at(2025, 12, 23), now), name(at(2025, 11, 24), now), years[2]];
      expect(new Set(others).size, `${locale}: ${others}`).toBe(3);
    }
  }
});

test("a day of this year does not show it, and today and yesterday have names", () => {
  const today = new Date(2026, 5, 3, 9);
  expect(timesIn("en-US").dayName(at(2026, 3, 2), today)).toBe("Monday, March 2");
  expect(timesIn("en-US").shortTime(at(2026, 3, 2), today)).toBe("Mar 2");
  expect(dayName(at(2026, 6, 3), today)).toBe("Today");
  expect(dayName(at(2026, 6, 2), today)).toBe("Yesterday");
  expect(dayName(at(2025, 12, 31), new Date(2026, 0, 1, 9)), "also of last year").toBe("Yesterday");
});
