import Glibc

/// Why a file did not become a picture. Every message says what was expected, what was found and in which file.
public enum PictureError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file could not be opened or read; `errno` is the system's number.
    case unreadable(file: String, errno: Int32)
    /// The path names something other than a regular file: a folder, a FIFO, a device.
    case notAFile(file: String, found: String)
    /// The file has no bytes.
    case empty(file: String)
    /// The first bytes are of no picture format that we know; `found` says what they look like.
    case notAPicture(file: String, found: String)
    /// A picture, but of a format or variant without a decoder here.
    case unsupported(file: String, format: String, reason: String)
    /// The file contradicts its own format.
    case corrupt(file: String, format: String, reason: String)
    /// The file ends before its picture does.
    case truncated(file: String, format: String, reason: String)
    /// The file or its picture is over one of `PictureLimits`; found in the header, before decoding.
    case tooLarge(file: String, limit: String, found: String)

    /// A stable word for programs: `unreadable`, `not_a_file`, `empty`, `not_a_picture`, `unsupported`, `corrupt`,
    /// `truncated` or `too_large`.
    public var code: String {
        switch self {
        case .unreadable: "unreadable"
        case .notAFile: "not_a_file"
        case .empty: "empty"
        case .notAPicture: "not_a_picture"
        case .unsupported: "unsupported"
        case .corrupt: "corrupt"
        case .truncated: "truncated"
        case .tooLarge: "too_large"
        }
    }

    /// The file as the caller named it.
    public var file: String {
        switch self {
        case .unreadable(let file, _), .notAFile(let file, _), .empty(let file), .notAPicture(let file, _),
            .unsupported(let file, _, _), .corrupt(let file, _, _), .truncated(let file, _, _),
            .tooLarge(let file, _, _):
            file
        }
    }

    public var description: String {
        switch self {
        case .unreadable(let file, let number):
            "\(file): cannot be read: \(String(cString: strerror(number))) (errno \(number))"
        case .notAFile(let file, let found):
            "\(file): expected a regular file, found \(found)"
        case .empty(let file):
            "\(file): expected a picture, found an empty file"
        case .notAPicture(let file, let found):
            "\(file): expected a picture (\(PictureFormat.list)), found \(found)"
        case .unsupported(let file, let format, let reason):
            "\(file): expected a picture that can be decoded (\(PictureFormat.list)), found \(format): \(reason)"
        case .corrupt(let file, let format, let reason):
            "\(file): expected a whole \(format) picture, found a corrupt one: \(reason)"
        case .truncated(let file, let format, let reason):
            "\(file): expected a whole \(format) picture, found a truncated one: \(reason)"
        case .tooLarge(let file, let limit, let found):
            "\(file): expected at most \(limit), found \(found)"
        }
    }
}

/// What is wrong inside a file, before the file's name is known; `Picture.load` adds it.
enum PictureFault: Error {
    case unsupported(String)
    case corrupt(String)
    case truncated(String)
    case tooLarge(limit: String, found: String)

    func error(file: String, format: PictureFormat) -> PictureError {
        switch self {
        case .unsupported(let reason): .unsupported(file: file, format: format.title, reason: reason)
        case .corrupt(let reason): .corrupt(file: file, format: format.title, reason: reason)
        case .truncated(let reason): .truncated(file: file, format: format.title, reason: reason)
        case .tooLarge(let limit, let found): .tooLarge(file: file, limit: limit, found: found)
        }
    }
}
