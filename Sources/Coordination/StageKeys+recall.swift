import Foundation
import Pipelines
import Wire

/// What former runs left of a picture's stages.
public struct Recollection: Sendable, Equatable {
    public struct Kept: Sendable, Equatable {
        /// 32 bytes.
        public var key: [UInt8]
        /// A serialised `Outcome` message.
        public var outcome: Data

        public init(key: [UInt8], outcome: Data) {
            self.key = key
            self.outcome = outcome
        }
    }

    /// Stages whose result is kept, by index.
    public var kept: [Int: Kept] = [:]
    /// Stages that are not to be run: their condition is false, or a stage that they need is not to be run.
    public var declined: Set<Int> = []

    public init() {}
}

extension StageKeys {
    /// What consumers of a stage will be given of it.
    private enum Presence: Equatable {
        case result(key: [UInt8])
        case nothing, unsure
    }

    /// Looks up every stage whose key can be told before anything is computed. A condition on a stage that must be
    /// computed first leaves open what is given to the consumers of the stage that it decides on: these are computed.
    public func recall(
        _ sha256: [UInt8], _ outcome: (_ key: [UInt8]) throws(CoordinationError) -> Data?
    ) throws(CoordinationError) -> Recollection {
        var recollection = Recollection()
        var presences: [Presence] = []
        for (stage, (_, ingredients)) in stages.enumerated() {
            let runs = ingredients.condition.map { decision($0, presences, recollection) } ?? true
            let lacks = ingredients.requiredPorts.contains { port in
                !port.isEmpty && port.allSatisfy { presences[$0] == .nothing }
            }
            if runs == false || lacks {
                recollection.declined.insert(stage)
                presences.append(.nothing)
                continue
            }
            var inputs: [[UInt8]?] = []
            for dependency in dependencies[stage] {
                switch presences[dependency] {
                case .result(let key): inputs.append(key)
                case .nothing: inputs.append(nil)
                case .unsure: break
                }
            }
            guard inputs.count == dependencies[stage].count else {
                presences.append(.unsure)
                continue
            }
            let key = self.key(of: stage, for: sha256, inputs: inputs)
            if let data = try outcome(key) { recollection.kept[stage] = .init(key: key, outcome: data) }
            presences.append(runs == nil ? .unsure : .result(key: key))
        }
        return recollection
    }

    /// Nil if it takes a result that is not there yet.
    private func decision(_ condition: Condition, _ presences: [Presence], _ recollection: Recollection) -> Bool? {
        var views: [String: Condition.View] = [:]
        for name in condition.stages {
            guard let stage = stages.firstIndex(where: { $0.name == name }) else { continue }
            switch presences[stage] {
            case .nothing: views[name] = Condition.View(status: .skipped, outcome: nil)
            case .unsure: return nil
            case .result:
                guard let kept = recollection.kept[stage],
                    let outcome = try? Lorgnette_V1_Outcome(serializedBytes: kept.outcome)
                else { return nil }
                views[name] = Condition.View(status: .ok, outcome: Envelope.outcome(outcome, models: []))
            }
        }
        return condition.holds { views[$0] }
    }
}
