import Pipelines
import Wire

extension Crew {
    /// Sends what chaos makes of a message, and kills the worker if it is its time.
    func send(_ message: Message, to peer: Peer, of link: Link, through chaos: Chaos) -> Bool {
        guard case .task(let task) = message.envelope.body else {
            return (try? socket.send(message, to: peer)) == .sent
        }
        for message in chaos.befall(message, stage: link.stage, item: task.item) {
            guard (try? socket.send(message, to: peer)) == .sent else { return false }
        }
        if chaos.strikes(.kill, stage: link.stage, item: task.item, attempt: Int(task.attempt)) { link.process?.kill() }
        return true
    }
}

extension Coordinator.Settings {
    /// Injects faults into workers, messages and results.
    /// - Parameter faults: as `Chaos` reads them.
    /// - Throws: an error that names a word that is no fault.
    public mutating func inject(_ faults: String, seed: UInt64) throws {
        chaos = try Chaos(faults, seed: seed, log: "\(logs)/chaos.log")
    }
}
