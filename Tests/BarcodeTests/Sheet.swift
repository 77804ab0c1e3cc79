import ExpertKit
import Foundation
import Wire

/// A white grey picture to draw codes on.
struct Sheet {
    let width: Int
    let height: Int
    private(set) var samples: [UInt8]

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        samples = [UInt8](repeating: 255, count: width * height)
    }

    /// Bars from modules, "1" dark, each `module` pixels wide.
    mutating func bars(_ modules: String, x: Int, y: Int, module: Int, height bar: Int) {
        for (index, mark) in modules.enumerated() where mark == "1" {
            for row in y..<y + bar {
                for column in x + index * module..<x + (index + 1) * module { samples[row * width + column] = 0 }
            }
        }
    }

    mutating func invert() { samples = samples.map { 255 - $0 } }

    /// Turned clockwise about the centre of a sheet large enough to hold it; each pixel is the nearest one.
    func turned(degrees: Double) -> Sheet {
        let angle = degrees * .pi / 180
        let (sine, cosine) = (sin(angle), cos(angle))
        let wide = Int(Double(width) * abs(cosine) + Double(height) * abs(sine)) + 1
        let high = Int(Double(width) * abs(sine) + Double(height) * abs(cosine)) + 1
        var out = Sheet(width: wide, height: high)
        for y in 0..<high {
            for x in 0..<wide {
                let (dx, dy) = (Double(x) + 0.5 - Double(wide) / 2, Double(y) + 0.5 - Double(high) / 2)
                let column = Int((dx * cosine + dy * sine + Double(width) / 2).rounded(.down))
                let row = Int((dy * cosine - dx * sine + Double(height) / 2).rounded(.down))
                if column >= 0, row >= 0, column < width, row < height {
                    out.samples[y * wide + x] = samples[row * width + column]
                }
            }
        }
        return out
    }

    /// The file, as PNM.
    var file: [UInt8] { Array("P5\n\(width) \(height)\n255\n".utf8) + samples }

    var picture: PictureSource { PictureSource(place: .bytes(Payload(file))) }
}
