// Loaded before Azurite.
const Module = require("node:module");

// When the parent dies, its end of our standard input closes: Azurite saves and ends.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.on("error", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
process.stdin.unref?.();

// Telemetry is switched off, so its library stays out: that is two thirds of Azurite's start, and nothing can call home.
const load = Module._load;
Module._load = function (request, parent, isMain) {
  return request === "applicationinsights" ? {} : load.call(this, request, parent, isMain);
};
