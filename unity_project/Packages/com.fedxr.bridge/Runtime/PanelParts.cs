using UnityEngine;

namespace Fedxr
{
    /// <summary>What a panel is made of. Its texts are read along their Z axis.</summary>
    static class PanelParts
    {
        internal const float Width = 1.2f, Height = 0.8f, Thick = 0.004f; // metres

        const int FontSize = 64; // of the letters' texture: large ones stay sharp in a headset

        internal static void Board(Transform panel) =>
            Plate(panel, "Board", new Vector3(0, 0, 0.01f), Width, Height)
                .material.color = new Color(0.08f, 0.1f, 0.14f);

        /// <summary>A plate 4 mm thick: a cube, whose box collider other pointers can meet.</summary>
        internal static Renderer Plate(
            Transform panel, string name, Vector3 place, float width, float height)
        {
            GameObject plate = GameObject.CreatePrimitive(PrimitiveType.Cube);
            plate.name = name;
            plate.transform.SetParent(panel, false);
            plate.transform.localPosition = place;
            plate.transform.localScale = new Vector3(width, height, Thick);
            return plate.GetComponent<Renderer>();
        }

        /// <summary>An empty text whose upper left corner is at <paramref name="place"/>, its lines
        /// <paramref name="height"/> metres high.</summary>
        internal static TextMesh Text(Transform panel, string name, Vector3 place, float height)
        {
            var made = new GameObject(name);
            made.transform.SetParent(panel, false);
            made.transform.localPosition = place;
            TextMesh text = made.AddComponent<TextMesh>();
            text.anchor = TextAnchor.UpperLeft;
            text.fontSize = FontSize;
            SetHeight(text, height);
            text.color = new Color(0.88f, 0.92f, 0.96f);
            return text;
        }

        /// <summary>Let a line be <paramref name="height"/> metres high: Unity draws a texel of the
        /// letters 0.1 units wide at size 1.</summary>
        internal static void SetHeight(TextMesh text, float height) =>
            text.characterSize = 10 * height / text.fontSize;
    }
}
