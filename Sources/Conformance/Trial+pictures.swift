import Crypto
import Foundation
import Wire

extension Trial {
    static let pictures: [Trial] = [
        Trial(name: "picture.changed", about: "a picture that is not the one that was hashed is CHANGED") { bench in
            let other = Data(SHA256.hash(data: Data("another".utf8)))
            if !bench.subject.isRemote {
                try bench.spoil("another hash", [.changed]) { $0.header.picture.sha256 = other }
                try bench.spoil("another byte count", [.changed]) { $0.header.picture.byteCount += 1 }
            }
            try bench.spoil("sent bytes with another hash", [.changed]) { task in
                task.send(bench.picture)
                task.header.picture.sha256 = other
            }
        },
        Trial(name: "picture.gone", about: "a picture that is gone is CHANGED") { bench in
            if bench.subject.isRemote { throw Unchecked("a worker elsewhere is sent bytes, not paths") }
            try bench.spoil("a path where nothing is", [.changed]) {
                $0.header.picture.path = "\(bench.folder.path)/gone.png"
            }
        },
        Trial(name: "picture.corrupt", about: "a damaged picture has a typed Failure") { bench in
            // Signature and head are whole; of the pixels there is nothing.
            try bench.show(Array(bench.picture.bytes.prefix(40)), "torn.png", "a PNG that ends before its pixels")
        },
        Trial(name: "picture.empty", about: "an empty picture has a typed Failure") { bench in
            try bench.show([], "empty.png", "a file of no bytes")
        },
        Trial(name: "picture.text", about: "a file that is no picture has a typed Failure") { bench in
            try bench.show(Array("This is no picture.\n".utf8), "text.png", "a text named .png")
        },
        Trial(name: "picture.frame", about: "a payload frame that is not there is BAD_INPUT") { bench in
            try bench.spoil("a picture in payload frame 4294967295", [.badInput]) {
                $0.header.picture.path = ""
                $0.header.picture.frame = .max
            }
        },
    ]
}

extension Bench {
    private static let badPicture: [Lorgnette_V1_FailureCode] = [.badPicture, .unsupportedPicture, .pictureTooLarge]

    /// A task spoilt by `change` fails with one of `codes`, and the next one is answered.
    fileprivate func spoil(_ what: String, _ codes: [Lorgnette_V1_FailureCode], _ change: (inout PreparedTask) -> Void)
        throws
    {
        let conversation = try looking()
        var task = try self.task()
        change(&task)
        let answer = try answer(to: task, conversation)
        try goesOn(conversation, after: what)
        try excuse(answer, codes)
        try answer.mustFail(codes, what)
    }

    /// A worker that need not look at the picture may answer without it, and one that hands the file on does not know what
    /// is in it: then nothing can be said. A Result with the picture's size claims that it was decoded.
    private func excuse(_ answer: Conversation.Answer, _ codes: [Lorgnette_V1_FailureCode]) throws {
        guard case .result(let result, _) = answer else { return }
        if codes == [.changed], !requires(.picture) { throw Unchecked("it takes a picture without needing it") }
        if codes == Bench.badPicture, !result.outcome.hasPicture {
            throw Unchecked("its Result has no facts of the picture: it does not decode it")
        }
    }

    /// A file with these bytes, properly hashed, fails as a picture.
    fileprivate func show(_ bytes: [UInt8], _ name: String, _ what: String) throws {
        let path = "\(folder.path)/\(name)"
        try TestPicture.write(bytes, to: path)
        let shown = TestPicture(path: path, bytes: bytes, extent: picture.extent)
        try spoil(what, Bench.badPicture) { task in
            if subject.isRemote { task.send(shown) } else { task.show(shown) }
        }
    }
}
