import Foundation
import Pipelines

/// A run at one moment, as `status.json` and the metrics page tell it.
public struct RunSnapshot: Codable, Sendable {
    public enum State: String, Codable, Sendable { case running, done, interrupted, failed }

    public struct Stage: Codable, Sendable {
        public let name: String
        /// Items that wait for a worker of it, and results that its workers have given in this run.
        public let waiting: Int
        public let answered: Int
    }

    public struct Worker: Codable, Sendable {
        public let name: String
        public let stage: String
        /// 0 for one that listens at an address.
        public let pid: Int
        public let phase: String
        /// Seconds since it was last heard.
        public let silent: Double
        public let tasks: [Task]
    }

    public struct Task: Codable, Sendable {
        public let item: String
        public let stage: String
        public let attempt: Int
        /// Seconds until its worker is taken for hung.
        public let lease: Double
    }

    public let schema: String
    public let pipeline: String
    public let state: State
    public let pid: Int
    /// Seconds of this run.
    public let elapsed: Double
    /// Inputs by how they ended, those of former runs included; `kept` of them were done before.
    public let inputs: [String: Int]
    public let kept: Int
    public let open: Int
    /// Messages that made no sense.
    public let dropped: Int
    public let stages: [Stage]
    public let workers: [Worker]

    /// Inputs a second, of this run.
    public var rate: Double { Double(inputs.values.reduce(0, +) - kept) / max(elapsed, 1e-3) }

    /// One JSON object and a line feed.
    public var json: Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ((try? encoder.encode(self)) ?? Data()) + Data("\n".utf8)
    }

    /// Prometheus' text format, version 0.0.4.
    public var metrics: String {
        var text = ""
        func family(_ name: String, _ type: String, _ about: String, _ samples: [(labels: [(String, String)], value: Double)]) {
            text += "# HELP lorgnette_\(name) \(about)\n# TYPE lorgnette_\(name) \(type)\n"
            for sample in samples {
                let labels = sample.labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
                text += "lorgnette_\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(sample.value))\n"
            }
        }
        family(
            "inputs_total", "counter", "Inputs by how they ended, those of former runs included.",
            inputs.sorted { $0.key < $1.key }.map { ([("status", $0.key)], Double($0.value)) })
        family("inputs_kept", "gauge", "Inputs that a former run had done.", [([], Double(kept))])
        family("inputs_open", "gauge", "Inputs that are worked on.", [([], Double(open))])
        family("run_seconds", "gauge", "Time since the run began.", [([], elapsed)])
        family("messages_dropped_total", "counter", "Messages that made no sense.", [([], Double(dropped))])
        family(
            "stage_waiting", "gauge", "Inputs that wait for a worker of the stage.",
            stages.map { ([("stage", $0.name)], Double($0.waiting)) })
        family(
            "stage_answered_total", "counter", "Results of the stage's workers.",
            stages.map { ([("stage", $0.name)], Double($0.answered)) })
        family(
            "worker_ready", "gauge", "Whether the worker takes tasks.",
            workers.map { ([("worker", $0.name), ("stage", $0.stage)], $0.phase == "ready" ? 1 : 0) })
        family(
            "worker_tasks", "gauge", "Tasks in the worker's hands.",
            workers.map { ([("worker", $0.name), ("stage", $0.stage)], Double($0.tasks.count)) })
        family(
            "worker_silent_seconds", "gauge", "Time since the worker was heard.",
            workers.map { ([("worker", $0.name), ("stage", $0.stage)], $0.silent) })
        return text
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
