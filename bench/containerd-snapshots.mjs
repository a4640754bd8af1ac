// containerd's snapshot service without its client: calls of gRPC over HTTP/2 on its socket, encoded by hand, so that what is
// measured is containerd and one round trip each, and no process that starts.
//
// Source: containerd's api/services/snapshots/v1/snapshots.proto and leases/v1/leases.proto, and gRPC's PROTOCOL-HTTP2.md.
import { connect } from 'node:http2';
import { createConnection } from 'node:net';

const LENGTH_DELIMITED = 2;

function varint(number) {
  const bytes = [];
  for (let rest = number; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function textField(number, text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes]);
}

/** The fields of a message that are texts or messages, in order: all that the answers here have. */
function fieldsOf(message) {
  const fields = [];
  let at = 0;
  const take = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = take();
    if ((key & 7) !== LENGTH_DELIMITED) throw new Error(`field ${key >> 3} of an unexpected kind`);
    const size = take();
    fields.push({ number: key >> 3, bytes: message.subarray(at, at + size) });
    at += size;
  }
  return fields;
}

/** One entry of the labels: without this one containerd's garbage collector takes what nothing refers to. */
const keptFromCollector = (number) => {
  const entry = Buffer.concat([textField(1, 'containerd.io/gc.root'), textField(2, 'bench')]);
  return Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(entry.length), entry]);
};

const inNumber = (fields, number) =>
  fields.filter((field) => field.number === number).map(({ bytes }) => bytes);

/** `repeated containerd.types.Mount mounts = 1`, each with type, source, target and options. */
function mountsOf(message) {
  return inNumber(fieldsOf(message), 1).map((mount) => {
    const fields = fieldsOf(mount);
    return {
      type: String(inNumber(fields, 1)[0]),
      source: String(inNumber(fields, 2)[0]),
      options: inNumber(fields, 4).map(String),
    };
  });
}

/** Requests over one connection, one after the other or side by side. */
export class ContainerdSnapshots {
  #session;
  #snapshotter;

  constructor(socket, snapshotter = 'overlayfs') {
    this.#session = connect('http://localhost', { createConnection: () => createConnection(socket) });
    this.#snapshotter = snapshotter;
  }

  async prepare(key, parent = '') {
    return mountsOf(
      await this.#call('Prepare', textField(2, key), textField(3, parent), keptFromCollector(4)),
    );
  }

  async mounts(key) {
    return mountsOf(await this.#call('Mounts', textField(2, key)));
  }

  async commit(name, key) {
    await this.#call('Commit', textField(2, name), textField(3, key), keptFromCollector(4));
  }

  async remove(key) {
    await this.#call('Remove', textField(2, key));
  }

  /** Has the garbage collector remove from the disk what was removed: the end of a lease waits for it (field 2, `sync`). */
  async collect() {
    const id = textField(1, 'bench');
    await this.#request('leases.v1.Leases/Create', id);
    await this.#request('leases.v1.Leases/Delete', id, Buffer.from([2 << 3, 1]));
  }

  close() {
    this.#session.close();
  }

  #call(method, ...fields) {
    return this.#request(`snapshots.v1.Snapshots/${method}`, textField(1, this.#snapshotter), ...fields);
  }

  #request(method, ...fields) {
    const message = Buffer.concat(fields);
    // Not compressed, and its length.
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': `/containerd.services.${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
      'containerd-namespace': 'default',
    });
    return new Promise((resolve, reject) => {
      const parts = [];
      let trailers = {};
      stream.on('response', (headers) => {
        // A call that fails at once has no trailers apart.
        trailers = headers;
      });
      stream.on('trailers', (headers) => {
        trailers = headers;
      });
      stream.on('data', (part) => parts.push(part));
      stream.on('error', reject);
      stream.on('end', () => {
        if (Number(trailers['grpc-status']) === 0) return resolve(Buffer.concat(parts).subarray(5));
        reject(new Error(`${method}: ${decodeURIComponent(trailers['grpc-message'] ?? 'no status')}`));
      });
      stream.end(Buffer.concat([frame, message]));
    });
  }
}
