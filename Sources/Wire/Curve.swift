import CZeroMQ

/// How the ends of a link prove to each other who they are. Everything on such a link is encrypted.
enum Curve {
    /// The end that listens; who may come in, a ``Gatekeeper`` decides.
    case server(KeyPair)
    /// The end that connects, and whom it expects to find.
    case client(KeyPair, PublicKey)
}

extension SocketHandle {
    /// Sets what the next bind or connect works with; libzmq copies it then. Nil: nothing is proved.
    /// - Throws: ``WireError`` if this libzmq has no CURVE.
    func secure(_ curve: Curve?) throws(WireError) {
        guard let curve else {
            if zmq_setsockopt(raw, ZMQ_PLAIN_USERNAME, nil, 0) != 0 { throw .last("set socket option", "mechanism") }
            return
        }
        guard KeyPair.isAvailable else { throw KeyPair.missing }
        switch curve {
        case .server(let own):
            try set(ZMQ_CURVE_SERVER, Int32(1), "CURVE_SERVER")
            try set(ZMQ_CURVE_SECRETKEY, text: own.secret, "CURVE_SECRETKEY")
            try set(ZMQ_ZAP_DOMAIN, text: Gatekeeper.domain, "ZAP_DOMAIN")
        case .client(let own, let server):
            try set(ZMQ_CURVE_SERVERKEY, text: server.description, "CURVE_SERVERKEY")
            try set(ZMQ_CURVE_PUBLICKEY, text: own.publicKey.description, "CURVE_PUBLICKEY")
            try set(ZMQ_CURVE_SECRETKEY, text: own.secret, "CURVE_SECRETKEY")
        }
    }

    private func set(_ option: Int32, text: String, _ name: String) throws(WireError) {
        if zmq_setsockopt(raw, option, text, text.utf8.count) != 0 { throw .last("set socket option", name) }
    }
}
