import CZeroMQ

extension SocketHandle {
    func connect(inProcess place: String) throws(WireError) {
        if zmq_connect(raw, place) != 0 { throw .last("connect", place) }
    }

    func bind(inProcess place: String) throws(WireError) {
        if zmq_bind(raw, place) != 0 { throw .last("bind", place) }
    }

    /// A message as plain frames, nil if none is waiting. For what libzmq itself says within the process.
    func receiveFrames() throws(WireError) -> [[UInt8]]? {
        var frames: [[UInt8]] = []
        var more = true
        while more {
            var frame = zmq_msg_t()
            zmq_msg_init(&frame)
            defer { zmq_msg_close(&frame) }
            guard try take(&frame) else { return nil }
            frames.append([UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&frame), count: zmq_msg_size(&frame))))
            more = zmq_msg_more(&frame) != 0
        }
        return frames
    }

    func send(frames: [[UInt8]]) throws(WireError) {
        for (index, bytes) in frames.enumerated() {
            let flags = ZMQ_DONTWAIT | (index + 1 < frames.count ? ZMQ_SNDMORE : 0)
            if zmq_send(raw, bytes, bytes.count, flags) < 0 { throw .last("answer a handshake") }
        }
    }
}
