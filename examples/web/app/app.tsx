import { Suspense, lazy } from "react";
import { Navigate, Route, Routes, useLocation } from "react-router";

import { InboxPage } from "./inbox/inbox-page";
import { useMe } from "./session";
import { Shell } from "./shell";
import { TourPage } from "./tours/tour-page";
import { ToursPage } from "./tours/tours-page";
import { ErrorBoundary } from "./ui/error-boundary";
import { Loading } from "./ui/notice";
import { ToastProvider } from "./ui/toast";

const Staff = lazy(() => import("./admin/staff"));

/** The pages, by who is looking. */
export function App() {
  const isStaff = useMe().role === "admin";
  const { pathname } = useLocation();
  return (
    <ToastProvider>
      <Shell>
        <ErrorBoundary at={pathname}>
          <Suspense fallback={<Loading />}>{isStaff ? <Staff /> : <UserPages />}</Suspense>
        </ErrorBoundary>
      </Shell>
    </ToastProvider>
  );
}

function UserPages() {
  const home = useMe().role === "client" ? "/tours" : "/inbox";
  return (
    <Routes>
      <Route path="/tours" element={<ToursPage />} />
      <Route path="/tours/:id" element={<TourPage />} />
      <Route path="/inbox" element={<InboxPage />} />
      <Route path="/inbox/:id" element={<InboxPage />} />
      <Route path="*" element={<Navigate to={home} replace />} />
    </Routes>
  );
}
