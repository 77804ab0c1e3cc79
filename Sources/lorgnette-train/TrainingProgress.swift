import Foundation
import Training

/// Tells how training goes, on standard error: a line that renews itself on a terminal, else a line now and then.
final class TrainingProgress {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let start = ContinuousClock.now
    private let firstStep: Int
    private let firstCaptions: Int
    private var sums = (pictures: 0.0, instructions: 0.0, reward: 0.0, count: 0)

    init(_ trainer: Trainer) {
        (firstStep, firstCaptions) = (trainer.step, trainer.captions)
    }

    static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    func show(_ trainer: Trainer) {
        guard let point = trainer.curve.last else { return }
        sums.pictures += point.pictures ?? 0
        sums.instructions += point.instructions ?? 0
        sums.reward += point.reward ?? 0
        sums.count += 1
        let isDue = trainer.step % (isTerminal ? 1 : 20) == 0 || point.validation != nil || trainer.isDone
        guard isDue else { return }
        let seconds = Self.seconds(ContinuousClock.now - start)
        let left = seconds / Double(trainer.step - firstStep) * Double(trainer.plan.steps - trainer.step)
        var words = ["step \(trainer.step)/\(trainer.plan.steps)"]
        if point.pictures != nil { words.append("pictures \(Self.short(sums.pictures / Double(sums.count)))") }
        if point.instructions != nil {
            words.append("instructions \(Self.short(sums.instructions / Double(sums.count)))")
        }
        if point.reward != nil { words.append("reward \(Self.short(sums.reward / Double(sums.count)))") }
        if trainer.captions > firstCaptions {
            words.append("\(Self.short(Double(trainer.captions - firstCaptions) / seconds, 1)) captions/s")
        }
        words.append("\(Int(left / 60)) min \(Int(left) % 60) s left")
        let line = words.joined(separator: ", ")
        if isTerminal, point.validation == nil, !trainer.isDone {
            FileHandle.standardError.write(Data("\r\u{1b}[K\(line)".utf8))
        } else {
            Self.say((isTerminal ? "\r\u{1b}[K" : "") + line)
        }
        if let v = point.validation {
            Self.say(
                "validation after \(v.captions) captions: seen \(Self.short(v.seen, 3)), another's features "
                    + "\(Self.short(v.shuffled, 3)), zeros \(Self.short(v.zero, 3)); grounding gap \(Self.short(v.shuffled - v.seen, 3))"
                    + (v.score.map { ", CIDEr-D \(Self.short($0, 3))" } ?? "")
            )
        }
        if !isTerminal || point.validation != nil { sums = (0, 0, 0, 0) }
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }

    static func short(_ value: Double, _ digits: Int = 3) -> String { String(format: "%.\(digits)f", value) }
}
