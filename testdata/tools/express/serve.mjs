// node serve.mjs express|send DIR PORT serves a directory as the package's documentation
// shows it.
import http from 'node:http'
import express from 'express'
import parseUrl from 'node:url'
import send from 'send'

const [what, dir, port] = process.argv.slice(2)
const handlers = {
  express: () => express().use(express.static(dir)),
  send: () => (req, res) => send(req, parseUrl.parse(req.url).pathname, { root: dir }).pipe(res),
}
http.createServer(handlers[what]()).listen(Number(port), '127.0.0.1')
