import Glibc

extension Picture {
    /// Decodes the file at `path` to an upright RGB picture. The file is read once.
    /// - Throws: `PictureError`, naming the file; nothing is decoded before the limits have been checked.
    public static func load(path: String, limits: PictureLimits = .default) throws(PictureError) -> Picture {
        try load(bytes: PictureFile.read(path, limits: limits), name: path, limits: limits)
    }

    /// Decodes the bytes of a picture file; `name` is how errors call it.
    public static func load(
        bytes: [UInt8], name: String = "picture", limits: PictureLimits = .default
    ) throws(PictureError) -> Picture {
        guard !bytes.isEmpty else { throw .empty(file: name) }
        guard bytes.count <= limits.bytes else {
            throw .tooLarge(file: name, limit: "\(limits.bytes) bytes", found: "\(bytes.count) bytes")
        }
        guard let format = PictureFormat(sniffing: bytes) else {
            if let foreign = PictureFormat.foreign(bytes) {
                throw .unsupported(file: name, format: foreign, reason: "no decoder for this format")
            }
            throw .notAPicture(file: name, found: PictureFormat.describe(bytes))
        }
        do {
            return try decode(bytes, format: format, limits: limits)
        } catch {
            throw error.error(file: name, format: format)
        }
    }

    private static func decode(
        _ bytes: [UInt8], format: PictureFormat, limits: PictureLimits
    ) throws(PictureFault) -> Picture {
        let header = try PictureHeader.read(bytes, format: format, limits: limits)
        let step = try limits.step(for: header, bytes: bytes.count)
        let turned = header.orientation >= 5
        let facts = PictureFacts(
            format: format, width: turned ? header.height : header.width, height: turned ? header.width : header.height,
            orientation: header.orientation, pages: header.pages, reduction: step)
        let rgb: [UInt8]
        switch format {
        case .pnm: rgb = try PNMDecoder.decode(bytes, step: step)
        case .bmp: rgb = try BMPDecoder.decode(bytes, step: step)
        default: rgb = try upright(bytes, format: format, header: header, step: step)
        }
        return Picture(
            width: ReducedRows.side(facts.width, step), height: ReducedRows.side(facts.height, step), rgb: rgb,
            facts: facts)
    }

    private static func upright(
        _ bytes: [UInt8], format: PictureFormat, header: PictureHeader, step: Int
    ) throws(PictureFault) -> [UInt8] {
        let pix = try decodePix(bytes, format: format, header: header, step: step)
        let frame = header.frame ?? .init(x: 0, y: 0, width: header.width, height: header.height)
        let before = header.cost.scales ? step : 1
        guard pix.width == ReducedRows.side(frame.width, before), pix.height == ReducedRows.side(frame.height, before)
        else {
            throw .corrupt(
                "its header says \(frame.width)×\(frame.height) pixels, its data \(pix.width)×\(pix.height)")
        }
        guard header.frame != nil else {
            let rows = ReducedRows(width: pix.width, height: pix.height, step: step / before, row: pix.row)
            return rows.upright(header.orientation)
        }
        let rows = ReducedRows(width: header.width, height: header.height, step: step) { y, rgb in
            rgb.update(repeating: 255, count: header.width * 3)  // the canvas around a frame is transparent
            if y >= frame.y, y < frame.y + frame.height { pix.row(y - frame.y, into: rgb + 3 * frame.x) }
        }
        return rows.upright(header.orientation)
    }

    private static func decodePix(
        _ bytes: [UInt8], format: PictureFormat, header: PictureHeader, step: Int
    ) throws(PictureFault) -> DecodedPix {
        do {
            return try DecodedPix(
                header.decodable ?? bytes, format: format, transparency: header.transparency,
                reduction: header.cost.scales ? step : 1)
        } catch .corrupt(let reason) where format == .jpeg && header.decodable != nil {
            throw .truncated("no end marker (EOI), and \(reason)")
        } catch {
            throw error
        }
    }
}

/// The bytes of a regular file, read once and within a limit.
enum PictureFile {
    static func read(_ path: String, limits: PictureLimits) throws(PictureError) -> [UInt8] {
        // O_NONBLOCK: opening a FIFO must not wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let number = errno
            // A socket cannot be opened.
            throw number == ENXIO ? .notAFile(file: path, found: "a socket") : .unreadable(file: path, errno: number)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .notAFile(file: path, found: kind(status.st_mode & S_IFMT))
        }
        guard status.st_size <= limits.bytes else {
            throw .tooLarge(file: path, limit: "\(limits.bytes) bytes", found: "\(status.st_size) bytes")
        }
        return try readAll(descriptor, path, expected: Int(status.st_size), limits: limits)
    }

    /// Reads up to the end, wherever that is by now; the file may grow or shrink meanwhile.
    private static func readAll(
        _ descriptor: Int32, _ path: String, expected: Int, limits: PictureLimits
    ) throws(PictureError) -> [UInt8] {
        var bytes: [UInt8] = []
        var failure: Int32 = 0
        var room = expected + 1
        while true {
            let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                while count < room {
                    let got = Glibc.read(descriptor, buffer.baseAddress! + count, room - count)
                    if got < 0, errno == EINTR { continue }
                    if got < 0 { failure = errno }
                    if got <= 0 { return }
                    count += got
                }
            }
            guard failure == 0 else { throw .unreadable(file: path, errno: failure) }
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
            guard bytes.count <= limits.bytes else {
                throw .tooLarge(file: path, limit: "\(limits.bytes) bytes", found: "more, and growing")
            }
            if chunk.count < room { return bytes }
            room = 1 << 20
        }
    }

    private static func kind(_ mode: mode_t) -> String {
        switch mode {
        case S_IFDIR: "a folder"
        case S_IFIFO: "a FIFO"
        case S_IFCHR, S_IFBLK: "a device"
        case S_IFSOCK: "a socket"
        default: "a special file"
        }
    }
}
