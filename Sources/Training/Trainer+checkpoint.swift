import Checkpoints
import Tensors

// The state of a run in one safetensors file: "value/KEY", "mean/KEY" and "square/KEY" of every trained parameter, its
// "average/KEY" where steps are averaged, and the curve. Frozen values are those of the start, which the run's configuration fixes.

extension Trainer {
    private static let format = "lorgnette.training/2"
    private static let columns = 10

    /// Writes the state; it replaces what is at `path` when it is whole. `run` is what the run is known by: a state is
    /// taken up by the same run only.
    public func save(to path: String, run: String) throws(CheckpointError) {
        var file = SafetensorsWriter(metadata: [
            "format": Self.format, "run": run, "step": "\(step)", "captions": "\(captions)",
        ])
        for parameter in network.parameters where parameter.isTrained {
            file.add("value/" + parameter.name, parameter.value)
            guard let moment = optimizer.moments[parameter.name] else { continue }
            file.add("mean/" + parameter.name, moment.mean)
            file.add("square/" + parameter.name, moment.square)
            file.add("steps/" + parameter.name, [moment.steps])
        }
        for (name, mean) in average.means.sorted(by: { $0.key < $1.key }) { file.add("average/" + name, mean) }
        if average.count > 0 { file.add("averaged", [average.count]) }
        file.add("curve", curveTensor)
        try file.write(to: path)
    }

    /// Goes on from a saved state. Throws `CheckpointError.malformed` if it is another run's.
    public func resume(from path: String, run: String) throws(CheckpointError) {
        let file = try Safetensors(path: path)
        func fact(_ key: String) throws(CheckpointError) -> String {
            guard let text = file.metadata[key]?.string else {
                throw .missing(file: path, key: "__metadata__.\(key)", found: "none")
            }
            return text
        }
        let (format, found) = (try fact("format"), try fact("run"))
        guard format == Self.format else {
            throw .malformed(file: path, key: "format", expected: Self.format, found: format)
        }
        guard found == run else {
            throw .malformed(
                file: path, key: "run", expected: "the state of this run (\(run))",
                found: "that of another one (\(found)): move it away to start anew")
        }
        guard let step = Int(try fact("step")), let captions = Int(try fact("captions")), step >= 0 else {
            throw .malformed(file: path, key: "step", expected: "a number", found: try fact("step"))
        }
        // Everything is read before anything is changed.
        var restored: [(Parameter, value: Tensor, mean: Tensor, square: Tensor, steps: Int)] = []
        for parameter in network.parameters where parameter.isTrained {
            func read(_ prefix: String) throws(CheckpointError) -> Tensor {
                try file.require(prefix + parameter.name, shape: parameter.value.shape).tensor()
            }
            let steps = try file.require("steps/" + parameter.name, shape: [1]).tensor()
            restored.append(
                (parameter, try read("value/"), try read("mean/"), try read("square/"), Int(steps.array[0])))
        }
        var (means, averaged) = ([String: Tensor](), 0)
        if file.view("averaged") != nil {
            averaged = Int(try file.require("averaged", shape: [1]).tensor().array[0])
            for (parameter, _, _, _, _) in restored {
                means[parameter.name] =
                    try file.require("average/" + parameter.name, shape: parameter.value.shape).tensor()
            }
        }
        curve = try Self.points(file.require("curve").tensor())
        for (parameter, value, mean, square, steps) in restored {
            parameter.value.data.update(from: value.data, count: value.count)
            optimizer.restore(parameter.name, mean: mean, square: square, steps: steps)
        }
        average.restore(means, count: averaged)
        self.step = step
        self.captions = captions
    }

    /// [points, 10]: step, pictures, instructions, whether validated, then seen, shuffled, zero, captions and score; reward.
    private var curveTensor: Tensor {
        let tensor = Tensor(curve.count, Self.columns)
        for (i, point) in curve.enumerated() {
            let row = tensor.row(i)
            row[0] = Float(point.step)
            row[1] = point.pictures.map { Float($0) } ?? .nan
            row[2] = point.instructions.map { Float($0) } ?? .nan
            row[9] = point.reward.map { Float($0) } ?? .nan
            guard let v = point.validation else { continue }
            row[3] = 1
            (row[4], row[5], row[6], row[7]) = (Float(v.seen), Float(v.shuffled), Float(v.zero), Float(v.captions))
            row[8] = v.score.map { Float($0) } ?? .nan
        }
        return tensor
    }

    private static func points(_ tensor: Tensor) -> [Point] {
        guard tensor.columns == columns else { return [] }
        return (0..<tensor.rows).map { i in
            let row = tensor.row(i)
            func loss(_ value: Float) -> Double? { value.isNaN ? nil : Double(value) }
            var point = Point(
                step: Int(row[0]), pictures: loss(row[1]), instructions: loss(row[2]), reward: loss(row[9]))
            if row[3] == 1 {
                point.validation = Validation(
                    seen: Double(row[4]), shuffled: Double(row[5]), zero: Double(row[6]), captions: Int(row[7]),
                    score: loss(row[8]))
            }
            return point
        }
    }
}
