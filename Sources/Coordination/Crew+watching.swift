import Glibc
import Pipelines
import Wire

extension Crew {
    /// Everything that has arrived, at most `limit` messages, so that the loop's other duties are not starved.
    func receive(now: Duration, limit: Int = 512) throws(CoordinationError) -> [Event] {
        var events: [Event] = []
        for _ in 0..<limit {
            let received: RouterSocket.Received?
            do { received = try socket.receive() } catch {
                throw .refused(stage: "(socket)", message: "\(error)")
            }
            guard let received else { break }
            switch received {
            case .malformed: dropped += 1
            case .message(let peer, let message):
                if let event = try take(message, from: peer, now: now) { events.append(event) }
            }
        }
        return events
    }

    private func take(_ message: Message, from peer: Peer, now: Duration) throws(CoordinationError) -> Event? {
        let envelope = message.envelope
        guard let body = envelope.body, !shutPeers.contains(peer) else {
            dropped += 1
            return nil
        }
        if case .hello(let hello) = body { return try greet(hello, envelope, from: peer, now: now) }
        guard let id = peers[peer], let link = links[id], link.epoch == envelope.epoch else {
            dropped += 1
            return nil
        }
        links[id]!.heard = now
        switch body {
        case .ready(let ready):
            guard link.phase == .loading else { return nil }
            links[id]!.phase = .ready
            falseStarts[link.stage] = 0
            return .ready(
                id, stage: link.stage, credit: max(1, min(1024, Int(ready.credit))),
                models: ready.models)
        case .failure(let failure) where failure.task == 0:
            guard link.phase != .ready else {
                dropped += 1
                return nil
            }
            throw .cannotLoad(stage: link.stage, code: Envelope.code(failure.code), message: failure.message)
        case .progress, .result, .failure:
            return .message(id, body, message.payloads)
        case .heartbeat: return nil
        case .goodbye(let goodbye):
            guard link.process == nil else {
                link.process?.kill(15)
                return nil
            }
            return try lose(
                link, reason: "said Goodbye" + (goodbye.message.isEmpty ? "" : ": \(goodbye.message)"), now: now)
        default:
            dropped += 1
            return nil
        }
    }

    private func greet(
        _ hello: Lorgnette_V1_Hello, _ envelope: Lorgnette_V1_Envelope, from peer: Peer, now: Duration
    ) throws(CoordinationError) -> Event? {
        guard let link = candidate(for: hello, from: peer) else {
            refuse(peer, envelope.epoch, .protocol, "no worker named \"\(hello.worker)\" is expected")
            return nil
        }
        guard envelope.protocol == WireProtocol.version else {
            let reason = "expected protocol \(WireProtocol.version), found \(envelope.protocol)"
            refuse(peer, envelope.epoch, .protocol, reason)
            // Of one that has greeted us in this protocol, and of a stranger in its name, it is noise.
            let isItself = link.process.map { hello.pid == 0 || pid_t(truncatingIfNeeded: hello.pid) == $0.identifier } ?? true
            guard link.phase == .starting, isItself else { return nil }
            throw .refused(stage: link.stage, message: "\(hello.software): \(reason)")
        }
        if link.phase != .starting {
            // Its Hello crossed our Welcome, which is on its way.
            if link.peer != peer { refuse(peer, envelope.epoch, .protocol, "worker \(link.name) is already here") }
            guard link.process == nil, link.epoch != envelope.epoch else { return nil }
            return try lose(link, reason: "another process has taken its place", now: now)
        }
        links[link.id]!.peer = peer
        links[link.id]!.epoch = envelope.epoch
        links[link.id]!.phase = .greeted
        links[link.id]!.heard = now
        peers[peer] = link.id
        if welcomes[link.stage] != nil {
            sendWelcome(link.id, now: now)
            return nil
        }
        let isNew = descriptions.updateValue(Envelope.description(hello), forKey: link.stage) == nil
        return isNew && descriptions.count == pipeline.staffed.count ? .greeted(descriptions) : nil
    }

    /// The worker that a Hello belongs to: of one at an address, the one that we look for there, whatever it calls itself;
    /// of one that we started, by its name.
    private func candidate(for hello: Lorgnette_V1_Hello, from peer: Peer) -> Link? {
        links.values.first { $0.process == nil && $0.peer == peer }
            ?? links.values.first { $0.process != nil && $0.name == hello.worker }
    }

    /// A worker at an address that is gone; its successor is looked for at the same place.
    private func lose(_ link: Link, reason: String, now: Duration) throws(CoordinationError) -> Event {
        .lost(link.id, reason: try replace(link, reason: "worker \(link.name): \(reason)", now: now))
    }

    private func replace(_ link: Link, reason: String, now: Duration) throws(CoordinationError) -> String {
        remove(link.id)
        plan(link, wasReady: link.phase == .ready, now: now)
        if let count = falseStarts[link.stage], count >= patience.falseStarts {
            throw .keepsDying(stage: link.stage, attempts: count, reason: reason)
        }
        return reason
    }

    private func refuse(_ peer: Peer, _ epoch: UInt64, _ code: Lorgnette_V1_FailureCode, _ reason: String) {
        dropped += 1
        shut(peer)
        var refuse = Lorgnette_V1_Refuse()
        refuse.code = code
        refuse.message = reason
        _ = try? socket.send(Message(epoch: epoch, .refuse(refuse)), to: peer)
    }

    /// Notices ended and silent workers, sends heartbeats, starts successors.
    func tick(now: Duration) throws(CoordinationError) -> [Event] {
        try checkRefusals()
        var events: [Event] = []
        for link in links.values.sorted(by: { $0.id < $1.id }) {
            if let ending = link.process?.poll() {
                events.append(.lost(link.id, reason: try bury(link, ending, now: now)))
            } else if now - link.since > limit(of: link.phase) {
                let waited = link.phase == .starting ? patience.hello : patience.load
                throw .notReady(
                    stage: link.stage, seconds: Int(waited.inSeconds), hint: hint(for: link))
            } else if link.phase != .starting, now - link.heard > patience.silence {
                let reason = "silent for \(Int((now - link.heard).inSeconds)) s"
                kill(link.id, reason: reason, now: now)
                events.append(.lost(link.id, reason: "worker \(link.name): \(reason)"))
            } else if link.phase != .starting, now - link.sent >= patience.heartbeat {
                _ = send(.heartbeat(Lorgnette_V1_Heartbeat()), to: link.id, now: now)
            }
        }
        partWithTheLeaving(now: now)
        try restartDue(now: now)
        return events
    }

    private func limit(of phase: Link.Phase) -> Duration {
        switch phase {
        case .starting: patience.hello
        case .loading: patience.load
        case .greeted, .ready: .seconds(Int64.max / 2)
        }
    }

    private func bury(_ link: Link, _ ending: String, now: Duration) throws(CoordinationError) -> String {
        let tail = link.process?.logTail() ?? ""
        let reason = "worker \(link.name) ended: \(ending)" + (tail.isEmpty ? "" : "; its log ends: \(tail)")
        return try replace(link, reason: reason, now: now)
    }

    /// The loop itself was held up (a stopped process, a sleeping machine): nobody's silence counts for that time.
    func forgive(_ gap: Duration) {
        for id in links.keys {
            links[id]!.heard += gap
            links[id]!.since += gap
        }
    }
}
