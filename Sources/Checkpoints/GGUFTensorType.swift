import Tensors

/// A tensor type of GGUF: its name and block, and the element type if it is one that is read here.
struct GGUFTensorType {
    let name: String
    let blockElements: Int
    let blockBytes: Int
    let element: ElementType?

    /// By number in the file, from the table of the format's description; nil if the number is not in it.
    init?(number: UInt32) {
        guard let row = Self.table[number] else { return nil }
        (name, blockElements, blockBytes) = (row.0, row.1, row.2)
        element = Self.elements[row.0]
    }

    /// The number that stands for an element type in a file.
    /// - Precondition: GGUF has that type.
    static func number(of element: ElementType) -> UInt32 {
        guard let row = table.first(where: { elements[$0.value.0] == element }) else {
            preconditionFailure("GGUF has no type \(element.rawValue)")
        }
        return row.key
    }

    private static let elements: [String: ElementType] = [
        "F32": .f32, "F16": .f16, "BF16": .bf16, "F64": .f64, "I8": .i8, "I32": .i32, "I64": .i64,
        "Q4_0": .q4_0, "Q4_1": .q4_1, "Q5_0": .q5_0, "Q5_1": .q5_1, "Q8_0": .q8_0,
        "Q4_K": .q4_K, "Q5_K": .q5_K, "Q6_K": .q6_K,
    ]

    /// Number: name, elements and bytes of a block.
    private static let table: [UInt32: (String, Int, Int)] = [
        0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
        6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36),
        10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
        14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
        18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
        22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
        26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
        34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    ]
}
