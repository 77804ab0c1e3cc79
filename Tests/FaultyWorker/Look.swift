import Crypto
import Glibc
import Wire

/// What the worker does with a task: sees that the inputs are sound, and finds one word in the picture.
struct Look {
    struct Failure: Error {
        let code: Lorgnette_V1_FailureCode
        let message: String
    }

    static let noPicture = "this is no PNG"
    let plan: Plan

    func answer(_ task: Lorgnette_V1_Task, _ payloads: [Payload]) throws -> (Lorgnette_V1_Outcome, [Payload]) {
        try check(task.inputs, payloads)
        guard task.hasPicture else {
            if plan == .needsNothing { return (.with { $0.text = "nothing" }, []) }
            throw Failure(code: .badInput, message: "expected a picture, found none")
        }
        let size = try size(of: try bytes(of: task.picture, payloads))
        return outcome(width: size.width, height: size.height)
    }

    private func check(_ inputs: [Lorgnette_V1_Input], _ payloads: [Payload]) throws {
        for input in inputs where input.port != "context" && input.port != "visual" && plan != .anyPort {
            throw Failure(code: .badInput, message: "there is no port \(input.port)")
        }
        let visual = inputs.filter { $0.port == "visual" }
        if visual.count > 1, plan != .manyStages { throw Failure(code: .badInput, message: "one stage feeds visual") }
        for header in visual.flatMap(\.outcome.tensors) where plan != .anyTensor {
            do {
                if try payloads.tensor(header).firstNonFinite() != nil { throw TensorFault(description: "not finite") }
            } catch {
                throw Failure(code: .badInput, message: "\(error)")
            }
        }
    }

    private func bytes(of picture: Lorgnette_V1_Picture, _ payloads: [Payload]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        if picture.hasFrame {
            if plan == .pathsOnly { throw Failure(code: .badPicture, message: "expected a path") }
            guard Int(picture.frame) < payloads.count else {
                if plan == .diesAtFrame { abort() }
                throw Failure(code: .badInput, message: "there is no payload frame \(picture.frame)")
            }
            bytes = payloads[Int(picture.frame)].bytes
        } else {
            guard let file = fopen(picture.path, "rb") else {
                throw Failure(code: plan == .goneIsInternal ? .internal : .changed, message: "the picture is gone")
            }
            defer { fclose(file) }
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        }
        let isSame =
            picture.byteCount == UInt64(bytes.count) && Array(SHA256.hash(data: bytes)) == Array(picture.sha256)
        if !isSame, plan != .anyHash { throw Failure(code: .changed, message: "the picture is another one") }
        return bytes
    }

    private func size(of bytes: [UInt8]) throws -> (width: Int, height: Int) {
        if bytes.isEmpty {
            if plan == .emptyIsFine { return (1, 1) }
            throw Failure(code: .badPicture, message: "the picture has no bytes")
        }
        guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) else {
            throw Failure(code: .unsupportedPicture, message: Look.noPicture)
        }
        guard bytes.count > 45, Array(bytes[(bytes.count - 8)..<(bytes.count - 4)]) == Array("IEND".utf8) else {
            if plan == .diesAtTorn { abort() }
            throw Failure(code: .badPicture, message: "the PNG is cut off")
        }
        func number(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        return (number(16), number(20))
    }

    private func outcome(width: Int, height: Int) -> (Lorgnette_V1_Outcome, [Payload]) {
        if plan == .nothingFound { return (.init(), []) }
        var outcome = Lorgnette_V1_Outcome.with {
            $0.text = "PEN"
            $0.confidence = plan == .sureTwice ? 2 : 0.9
            $0.lines = [
                .with {
                    $0.text = "PEN"
                    $0.box = [1, 1, Int32(plan == .boxOutside ? width : width - 1), Int32(height - 1)]
                    $0.confidence = 0.9
                }
            ]
            $0.picture.format = "png"
            $0.picture.width = UInt32(plan == .otherSize ? width + 1 : width)
            $0.picture.height = UInt32(height)
            $0.picture.orientation = 1
            $0.picture.pages = 1
        }
        outcome.tensors = [
            .with {
                $0.name = "features"
                $0.dtype = "f32"
                $0.shape = plan == .shortTensor ? [3, 2] : [2, 2]
                $0.frame = plan == .frameless ? 5 : 0
            }
        ]
        return (outcome, [Payload(floats: [0, 1, 2, plan == .notANumber ? .nan : 3])])
    }
}
