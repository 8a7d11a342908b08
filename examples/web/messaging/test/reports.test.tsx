// @vitest-environment happy-dom

import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test } from "vitest";

import { Api, ApiError, type Channels, MessagingClient, MessagingProvider, useReportFile, useReports } from "..";
import { Observable } from "../observable";

afterEach(cleanup);

/** A server with so many open reports, two per page. */
class Staff {
  readonly asked: string[] = [];
  readonly open: string[];
  isDown = false;

  constructor(count: number) {
    this.open = Array.from({ length: count }, (_, at) => `r${count - at}`);
  }

  readonly wrapper = ({ children }: { children: ReactNode }) => (
    <MessagingProvider client={this.#client}>{children}</MessagingProvider>
  );

  readonly #fetch = async (path: string, init: RequestInit): Promise<Response> => {
    this.asked.push(`${init.method} ${path}${init.body ? ` ${init.body}` : ""}`);
    if (this.isDown) return Response.json({ success: false, error: "Not now.", code: "unavailable" }, { status: 503 });
    const { pathname, searchParams } = new URL(path, "http://server");
    const [, , , , id, verb] = pathname.split("/");
    if (id === undefined) return this.#list(Number(searchParams.get("cursor") ?? 0));
    if (verb !== undefined) this.open.splice(this.open.indexOf(id), 1);
    const status = this.open.includes(id) ? "open" : `${verb ?? "resolve"}d`;
    return Response.json({ success: true, data: { id, status, evidence: [] } });
  };

  readonly #client = new MessagingClient({
    userId: "admin",
    api: new Api({ base: "", fetch: this.#fetch as typeof fetch }),
    channels: { connection: new Observable("connecting"), subscribe: () => () => {}, disconnect: () => {} } as Channels,
  });

  #list(from: number): Response {
    const data = this.open.slice(from, from + 2).map((id) => ({ id, status: "open" }));
    const hasMore = this.open.length > from + 2;
    return Response.json({ success: true, data, meta: { limit: 2, hasMore, nextCursor: hasMore ? `${from + 2}` : null } });
  }
}

test("useReports loads page by page, and reloads on request", async () => {
  const staff = new Staff(5);
  const { result } = renderHook(() => useReports("open"), { wrapper: staff.wrapper });
  expect(result.current).toMatchObject({ items: [], isLoaded: false });
  const ids = () => result.current.items.map(({ id }) => id);
  await act(() => result.current.refresh());
  expect(ids()).toEqual(["r5", "r4"]);
  await act(() => Promise.all([result.current.loadMore(), result.current.loadMore()]));
  expect(ids()).toEqual(["r5", "r4", "r3", "r2"]);
  await act(() => result.current.loadMore());
  await act(() => result.current.loadMore());
  expect(ids()).toEqual(["r5", "r4", "r3", "r2", "r1"]);
  expect(result.current.hasMore).toBe(false);
  staff.open.shift();
  await act(() => result.current.refresh());
  expect(ids()).toEqual(["r4", "r3"]);
  expect(staff.asked.filter((it) => it.includes("/reports"))).toEqual([
    "GET /messages/admin/reports?limit=30&status=open",
    "GET /messages/admin/reports?limit=30&status=open&cursor=2",
    "GET /messages/admin/reports?limit=30&status=open&cursor=4",
    "GET /messages/admin/reports?limit=30&status=open",
  ]);
});

test("a page that arrives after a reload is not appended", async () => {
  const staff = new Staff(5);
  const { result } = renderHook(() => useReports(null), { wrapper: staff.wrapper });
  await act(() => result.current.refresh());
  staff.open.splice(2);
  await act(() => Promise.all([result.current.loadMore(), result.current.refresh()]));
  expect(result.current.items.map(({ id }) => id)).toEqual(["r5", "r4"]);
  expect(result.current.hasMore).toBe(false);
});

test("useReportFile shows a report, and its resolution", async () => {
  const staff = new Staff(2);
  const { result } = renderHook(() => useReportFile("r2"), { wrapper: staff.wrapper });
  expect(result.current.file).toBe(null);
  await waitFor(() => expect(result.current.file).toMatchObject({ id: "r2", status: "open" }));
  staff.isDown = true;
  await act(() => expect(result.current.resolve("resolved", null)).rejects.toThrow("Not now."));
  expect(result.current.file).toMatchObject({ status: "open" });
  staff.isDown = false;
  await act(() => result.current.resolve("resolved", "Has been warned."));
  expect(result.current.file).toMatchObject({ status: "resolved" });
  expect(staff.asked.at(-1)).toBe('POST /messages/admin/reports/r2/resolve {"note":"Has been warned."}');
});

test("useReportFile reports why a report cannot be shown", async () => {
  const staff = new Staff(1);
  staff.isDown = true;
  const { result } = renderHook(() => useReportFile("r1"), { wrapper: staff.wrapper });
  await waitFor(() => expect(result.current.error).toBeInstanceOf(ApiError));
  expect(result.current.file).toBe(null);
});
