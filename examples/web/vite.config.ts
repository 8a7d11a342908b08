import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env["SERVER_URL"] ?? "http://127.0.0.1:3000";

export default defineConfig({
  plugins: [react()],
  build: { target: "es2022", modulePreload: { polyfill: false }, reportCompressedSize: false, license: { fileName: "assets/licenses.md" } },
  server: { proxy: { "/api": server, "/demo": server, "/app/local": { target: server, ws: true } } },
  test: { include: ["messaging/test/**/*.test.{ts,tsx}", "app/**/*.test.{ts,tsx}"], restoreMocks: true },
});
