import { Navigate, Route, Routes } from "react-router";

import { ActivityPage } from "./activity-page";
import { AuditPage } from "./audit-page";
import { ConversationsPage } from "./conversations-page";
import { ReportsPage } from "./reports-page";

/** The pages for staff, loaded for staff only. */
export default function Staff() {
  return (
    <Routes>
      <Route path="/admin/conversations" element={<ConversationsPage />} />
      <Route path="/admin/conversations/:id" element={<ConversationsPage />} />
      <Route path="/admin/reports" element={<ReportsPage />} />
      <Route path="/admin/reports/:id" element={<ReportsPage />} />
      <Route path="/admin/activity" element={<ActivityPage />} />
      <Route path="/admin/audit" element={<AuditPage />} />
      <Route path="*" element={<Navigate to="/admin/conversations" replace />} />
    </Routes>
  );
}
