// A minimal Bitbucket Connect app on atlassian-connect-express, in production mode,
// as its documentation sets one up. Settings live in a Map: the fastest store that
// the framework can be given. Prints "listening" once it answers.
process.env.NODE_ENV = "production";
const express = require("express");
const bodyParser = require("body-parser");
const ace = require("atlassian-connect-express");

class MapStore {
  constructor() {
    this.settings = new Map();
  }
  async get(key, clientKey) {
    return this.settings.get(`${clientKey}\n${key}`) ?? null;
  }
  async set(key, value, clientKey) {
    this.settings.set(`${clientKey}\n${key}`, value);
    return value;
  }
  async saveInstallation(value, clientKey) {
    return this.set("clientInfo", value, clientKey);
  }
  async del(key, clientKey) {
    this.settings.delete(`${clientKey}\n${key}`);
  }
  async getAllClientInfos() {
    return [...this.settings.values()];
  }
  isMemoryStore() {
    return true;
  }
}

ace.store.register("map", () => new MapStore());

const port = Number(process.argv[2]);
const app = express();
const addon = ace(app, {
  config: {
    production: {
      port,
      product: "bitbucket",
      localBaseUrl: `http://127.0.0.1:${port}`,
      store: { adapter: "map" },
      whitelist: ["bitbucket.org"],
    },
  },
}, { debug() {}, info() {}, warn() {}, error() {}, trace() {} });
app.use(bodyParser.json());
app.use(addon.middleware());
app.post("/uninstalled", addon.authenticate(), (req, res) => res.sendStatus(204));
app.listen(port, "127.0.0.1", () => console.log("listening"));
