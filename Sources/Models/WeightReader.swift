import Checkpoints
import Tensors

/// Takes the tensors of a model out of a checkpoint by key and shape, and collects every fault on the way, so that
/// a wrong file is refused once with all that is wrong. What it returns for a fault is empty and never used.
final class WeightReader {
    let checkpoint: any Checkpoint
    private var faults: [String] = []
    private var taken: Set<String> = []
    private let names: Set<String>

    init(_ checkpoint: any Checkpoint) {
        self.checkpoint = checkpoint
        names = Set(checkpoint.names)
    }

    func has(_ key: String) -> Bool { checkpoint.view(key) != nil }

    /// True if the file has a tensor of that name, be it of a type that is not read here.
    func names(_ key: String) -> Bool { names.contains(key) }

    /// The shape that the file has under `key`, outermost first; nil if it has none.
    func shape(_ key: String) -> [Int]? { checkpoint.view(key)?.shape }

    /// Only looks whether the file has a tensor of exactly this shape.
    func look(_ key: String, _ shape: [Int]) { _ = view(key, shape) }

    /// A float32 copy of the tensor of exactly this shape.
    func tensor(_ key: String, _ shape: Int...) -> Tensor { tensor(key, shape) }

    /// The same; nil if the file has no such key.
    func tensor(ifPresent key: String, _ shape: Int...) -> Tensor? {
        names.contains(key) ? tensor(key, shape) : nil
    }

    private func tensor(_ key: String, _ shape: [Int]) -> Tensor {
        guard let view = view(key, shape) else { return Tensor(0) }
        do {
            return try view.tensor()
        } catch {
            faults.append("\(key): \(error)")
            return Tensor(0)
        }
    }

    /// The weight [rows, columns], straight from the mapped file.
    func matrix(_ key: String, _ rows: Int, _ columns: Int) -> Matrix {
        matrix(key, of: [rows, columns], rows, columns)
    }

    /// A tensor of exactly this shape seen as the weight [rows, columns], straight from the mapped file.
    func matrix(_ key: String, of shape: [Int], _ rows: Int, _ columns: Int) -> Matrix {
        guard let view = view(key, shape) else { return Matrix(Tensor(0, 0)) }
        do {
            return try view.matrix(rows: rows, columns: columns)
        } catch {
            faults.append("\(key): \(error)")
            return Matrix(Tensor(0, 0))
        }
    }

    /// The weight [rows, columns] whose row i is the file's row `source(i)`: a copy in the file's type.
    func matrix(_ key: String, _ rows: Int, _ columns: Int, row source: (Int) -> Int) -> Matrix {
        guard let view = view(key, [rows, columns]) else { return Matrix(Tensor(0, 0)) }
        do {
            return try view.reordered(row: source).matrix()
        } catch {
            faults.append("\(key): \(error)")
            return Matrix(Tensor(0, 0))
        }
    }

    /// The weight [rows, columns] that the file holds as [columns, rows]: a float32 copy, turned. The file's pages are given back.
    func transposed(_ key: String, _ rows: Int, _ columns: Int) -> Tensor {
        let stored = tensor(key, columns, rows)
        if let bytes = checkpoint.view(key)?.bytes { (bytes.owner as? MappedFile)?.forget(bytes) }
        guard stored.count == rows * columns else { return Tensor(0) }
        let turned = Tensor(rows, columns)
        for column in 0..<columns {
            let line = stored.row(column)
            for row in 0..<rows { turned.data[row * columns + column] = line[row] }
        }
        return turned
    }

    /// `prefix`.weight [rows, columns] and `prefix`.bias [rows].
    func linear(_ prefix: String, _ rows: Int, _ columns: Int) -> Linear {
        Linear(weight: matrix(prefix + ".weight", rows, columns), bias: tensor(prefix + ".bias", rows))
    }

    /// `prefix`.weight and `prefix`.bias, both [width].
    func norm(_ prefix: String, _ width: Int) -> LayerNorm {
        LayerNorm(weight: tensor(prefix + ".weight", width), bias: tensor(prefix + ".bias", width))
    }

    /// A key that may be there and has no effect.
    func ignore(_ key: String) { taken.insert(key) }

    /// Adds a fault for every key that nobody asked for: leaving it out would compute something else in silence.
    func refuseTheRest() {
        for key in checkpoint.names.sorted() where !taken.contains(key) { faults.append("\(key): unexpected") }
    }

    /// Throws if there was any fault.
    func check() throws(ModelError) {
        if !faults.isEmpty { throw .weights(file: checkpoint.file, faults: faults) }
    }

    private func view(_ key: String, _ shape: [Int]) -> TensorView? {
        taken.insert(key)
        do {
            return try checkpoint.require(key, shape: shape)
        } catch {
            switch error {
            case .malformed(_, _, let expected, let found), .unsupported(_, _, let expected, let found):
                faults.append("\(key): expected \(expected), found \(found)")
            default: faults.append("\(key): missing, expected shape \(shape)")
            }
            return nil
        }
    }
}
