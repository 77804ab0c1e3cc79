/// How much of a picture some boxes cover, each part of it counted once.
enum Coverage {
    /// 0…1; nil for a picture without a size. Boxes are x, y, width, height; what is outside the picture does not count.
    ///
    /// A line sweeps from left to right over the boxes' edges; a tree over their upper and lower edges holds how much of
    /// the line is covered. Time is n log n in the boxes, for they come from a worker.
    static func share(of boxes: [[Int]], width: Int, height: Int) -> Double? {
        guard width > 0, height > 0 else { return nil }
        var edges: [(x: Int, top: Int, bottom: Int, change: Int)] = []
        for box in boxes where box.count == 4 {
            let (left, right) = (clamp(box[0], width), clamp(box[0] &+ max(0, box[2]), width))
            let (top, bottom) = (clamp(box[1], height), clamp(box[1] &+ max(0, box[3]), height))
            guard left < right, top < bottom else { continue }
            edges.append((left, top, bottom, 1))
            edges.append((right, top, bottom, -1))
        }
        guard !edges.isEmpty else { return 0 }
        edges.sort { $0.x < $1.x }
        var line = CoveredLine(Array(Set(edges.flatMap { [$0.top, $0.bottom] })).sorted())
        var area = 0.0
        var last = edges[0].x
        for edge in edges {
            area += Double(edge.x - last) * Double(line.length)
            last = edge.x
            line.cover(edge.top, edge.bottom, edge.change)
        }
        return area / (Double(width) * Double(height))
    }

    private static func clamp(_ place: Int, _ size: Int) -> Int { min(max(place, 0), size) }
}

/// How much of a line is covered by stretches that come and go: a segment tree.
private struct CoveredLine {
    /// Where stretches may begin and end, in order.
    private let places: [Int]
    private var counts: [Int]
    private var lengths: [Int]

    init(_ places: [Int]) {
        self.places = places
        counts = Array(repeating: 0, count: 4 * places.count)
        lengths = counts
    }

    var length: Int { lengths[1] }

    /// Adds a stretch between two of the places (`change` 1), or takes it away again (-1).
    mutating func cover(_ from: Int, _ to: Int, _ change: Int) {
        cover(from, to, change, node: 1, first: 0, end: places.count - 1)
    }

    private mutating func cover(_ from: Int, _ to: Int, _ change: Int, node: Int, first: Int, end: Int) {
        guard from < places[end], to > places[first] else { return }
        if from <= places[first], to >= places[end] {
            counts[node] += change
        } else {
            let middle = (first + end) / 2
            cover(from, to, change, node: 2 * node, first: first, end: middle)
            cover(from, to, change, node: 2 * node + 1, first: middle, end: end)
        }
        if counts[node] > 0 {
            lengths[node] = places[end] - places[first]
        } else {
            lengths[node] = end - first > 1 ? lengths[2 * node] + lengths[2 * node + 1] : 0
        }
    }
}
