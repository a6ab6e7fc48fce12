// Preloaded into programs of the tests (`node --require`): they listen on loopback alone, and reach
// nothing else. The Agents Playground by itself listens on every interface and looks up telemetry hosts.

"use strict";

const dns = require("node:dns");
const net = require("node:net");

const OWN = ["localhost", "127.0.0.1", "::1"];
const listen = net.Server.prototype.listen;
const connect = net.Socket.prototype.connect;

net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== "number") throw new Error("only a port is listened on");
  const told = rest.find((one) => typeof one === "function");
  return listen.call(this, { port, host: "127.0.0.1" }, told);
};

net.Socket.prototype.connect = function (...given) {
  // Node hands on what it has normalised: an array of the options and the callback.
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  const host = options.host ?? "localhost";
  if (!options.path && !OWN.includes(host)) {
    process.nextTick(() => this.destroy(new Error(`${host} is not on this machine`)));
    return this;
  }
  return connect.apply(this, given);
};

const lookup = dns.lookup;
dns.lookup = function (host, ...rest) {
  if (OWN.includes(host)) return lookup.call(this, host, ...rest);
  const told = rest.find((one) => typeof one === "function");
  process.nextTick(told, new Error(`${host} is not on this machine`));
};
