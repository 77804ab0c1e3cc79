import Glibc
import Pipelines
import Wire

/// Workers that are running already, here or on other machines: the crew connects to where they listen.
extension Crew {
    struct Address {
        let endpoint: Endpoint
        let keys: (own: KeyPair, worker: PublicKey)?
    }

    /// The key that a coordinator shows where LORGNETTE_KEY names no other.
    static let ownKey = "coordinator"

    /// Where the stages' workers listen, by stage. What is wrong with one is found before anything starts.
    static func addresses(of stages: [Stage], keys: KeyFolder) throws(CoordinationError) -> [String: Address] {
        var addresses: [String: Address] = [:]
        for stage in stages {
            guard case .remote(let text) = stage.expert else { continue }
            do {
                let endpoint = try Endpoint(text)
                if let other = addresses.first(where: { $0.value.endpoint == endpoint }) {
                    throw CoordinationError.address(
                        stage: stage.name,
                        message: "\(endpoint) serves stage \(other.key), and a worker at an address serves one stage")
                }
                guard let pinned = stage.key else {
                    guard endpoint.isLoopback else { throw WireError.insecure(endpoint: endpoint.text) }
                    addresses[stage.name] = Address(endpoint: endpoint, keys: nil)
                    continue
                }
                let name = getenv("LORGNETTE_KEY").map { String(cString: $0) } ?? ownKey
                let pair = try keys.keyPair(name)
                addresses[stage.name] = Address(endpoint: endpoint, keys: (pair, try keys.publicKey(pinned)))
            } catch let error as CoordinationError {
                throw error
            } catch {
                throw .address(stage: stage.name, message: "\(error)")
            }
        }
        return addresses
    }

    /// Connects to a stage's worker, anew if there was a link. What comes from the returned peer comes from there, whatever it says.
    func connect(_ stage: Stage) throws(CoordinationError) -> Peer? {
        guard let address = addresses[stage.name] else { return nil }
        let peer = Peer.random()
        do {
            if connected.contains(stage.name) { socket.disconnect(address.endpoint) }
            try socket.connect(address.endpoint, as: peer, keys: address.keys)
        } catch {
            throw .address(stage: stage.name, message: "\(error)")
        }
        connected.insert(stage.name)
        return peer
    }

    /// A worker that does not know our key will not know it later: it reads its allow-list when it starts.
    func checkRefusals() throws(CoordinationError) {
        guard let watch else { return }
        let refusing: [String]
        do { refusing = try watch.refusals() } catch { throw .refused(stage: "(socket)", message: "\(error)") }
        guard let place = refusing.first else { return }
        // libzmq writes a host's name as its address.
        let secured = links.values.filter { $0.phase == .starting && addresses[$0.stage]?.keys != nil }.sorted {
            $0.id < $1.id
        }
        guard let link = secured.first(where: { addresses[$0.stage]?.endpoint.text == place }) ?? secured.first,
            let own = addresses[link.stage]?.keys?.own
        else { return }
        throw .address(
            stage: link.stage,
            message:
                "the worker at \(place) does not allow our key \(own.publicKey): start it with --allow and our public key"
        )
    }

    /// What may be wrong where a worker at an address says nothing. A refused handshake looks like nobody there.
    func hint(for link: Link) -> String {
        if let process = link.process { return process.logTail() }
        guard let address = addresses[link.stage] else { return "" }
        guard let keys = address.keys else { return "is a worker listening at \(address.endpoint)?" }
        return
            "is a worker listening at \(address.endpoint), with the key \(keys.worker), and does it allow \(keys.own.publicKey)?"
    }
}
