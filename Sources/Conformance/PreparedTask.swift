import Foundation
import Wire

/// A Task with its payload frames, to be sent as it is or spoilt first.
struct PreparedTask {
    var header: Lorgnette_V1_Task
    var payloads: [Payload] = []
    /// The size of its picture; nil: it has none.
    var picture: Extent?

    var key: TaskKey { TaskKey(id: header.id, attempt: header.attempt) }

    /// The picture by its path, as on one machine.
    mutating func show(_ shown: TestPicture) {
        picture = shown.extent
        header.picture = .with {
            $0.path = shown.path
            $0.sha256 = Data(shown.sha256)
            $0.byteCount = UInt64(shown.bytes.count)
        }
    }

    /// The picture by its bytes, as to another machine.
    mutating func send(_ shown: TestPicture) {
        show(shown)
        header.picture.path = ""
        header.picture.frame = UInt32(payloads.count)
        payloads.append(Payload(shown.bytes))
    }

    /// What a stage found, at a port; its tensors are numbered anew in this task's frames.
    mutating func feed(_ port: String, _ feed: Feed) {
        var input = feed.input
        input.port = port
        for index in input.outcome.tensors.indices {
            let frame = Int(input.outcome.tensors[index].frame)
            input.outcome.tensors[index].frame = UInt32(payloads.count)
            payloads.append(feed.payloads[frame])
        }
        header.inputs.append(input)
    }
}

/// What one stage has for a port.
struct Feed {
    var input: Lorgnette_V1_Input
    /// Named by the outcome's tensors.
    var payloads: [Payload] = []

    /// Words as a captioner would have found them.
    static let words = Feed(
        input: .with {
            $0.stage = "caption"
            $0.expert = "captioner"
            $0.outcome.text = "A door with a sign on it."
            $0.passage.label = "Caption"
            $0.passage.lines = ["A door with a sign on it."]
        })

    /// A tensor that is sound, and of no use to a model.
    static let tensor = Feed(
        input: .with {
            $0.stage = "visual"
            $0.expert = "encoder"
            $0.outcome.tensors = [
                .with {
                    $0.name = "features"
                    $0.dtype = "f32"
                    $0.shape = [1, 2]
                }
            ]
        }, payloads: [Payload(floats: [0, 1])])
}
