using System.Collections.Generic;

namespace UnityEngine
{
    public sealed class Mesh : Object
    {
        public Vector3[] vertices { get; set; } = new Vector3[0];

        public void GetVertices(List<Vector3> vertices)
        {
            vertices.Clear();
            vertices.AddRange(this.vertices);
        }

        /// <summary>Names of the blend shapes; a test sets them.</summary>
        public string[] BlendShapes { get; set; } = new string[0];

        public int blendShapeCount => BlendShapes.Length;

        public string GetBlendShapeName(int shapeIndex) => BlendShapes[shapeIndex];
    }

    public sealed class MeshFilter : Component
    {
        public Mesh sharedMesh { get; set; }
    }

    public sealed class Shader : Object { }

    public sealed class Material : Object
    {
        public Material(Shader shader)
        {
            this.shader = shader;
        }

        public Material(Material source) : this(source.shader)
        {
            color = source.color;
            name = source.name;
        }

        public Shader shader { get; set; }
        public Color color { get; set; } = Color.white;
    }

    public class Renderer : Component
    {
        Material own;

        public bool enabled { get; set; } = true;
        public Material sharedMaterial { get; set; } = new Material(new Shader());

        /// <summary>This renderer's own copy, made when it is first asked for.</summary>
        public Material material
        {
            get => own ?? (own = sharedMaterial = new Material(sharedMaterial));
            set => own = sharedMaterial = value;
        }
    }

    public sealed class MeshRenderer : Renderer { }

    /// <summary>A mesh whose blend shapes have weights from 0 to 100.</summary>
    public sealed class SkinnedMeshRenderer : Renderer
    {
        readonly Dictionary<int, float> weights = new Dictionary<int, float>();

        public Mesh sharedMesh { get; set; }

        public float GetBlendShapeWeight(int index) => weights.TryGetValue(index, out float weight) ? weight : 0;

        public void SetBlendShapeWeight(int index, float value) => weights[index] = value;
    }

    public enum LightType { Spot, Directional, Point }

    public sealed class Light : Behaviour
    {
        public LightType type { get; set; } = LightType.Point;
        public Color color { get; set; } = Color.white;
        public float intensity { get; set; } = 1;
        public float range { get; set; } = 10;
    }

    public static class RenderSettings
    {
        public static Color ambientLight { get; set; } = new Color(0.2f, 0.2f, 0.2f);
        public static bool fog { get; set; }
        public static Color fogColor { get; set; } = Color.gray;
        public static float fogDensity { get; set; } = 0.01f;
    }

    public enum TextAnchor
    {
        UpperLeft, UpperCenter, UpperRight, MiddleLeft, MiddleCenter, MiddleRight, LowerLeft, LowerCenter, LowerRight,
    }

    public enum TextAlignment { Left, Center, Right }

    public sealed class Font : Object
    {
        public Material material { get; set; } = new Material(new Shader());
    }

    /// <summary>A text in the world.</summary>
    [RequireComponent(typeof(MeshRenderer))]
    public sealed class TextMesh : Component
    {
        public string text { get; set; } = "";
        public Color color { get; set; } = Color.white;
        public float characterSize { get; set; } = 1;
        public int fontSize { get; set; }
        public TextAnchor anchor { get; set; }
        public TextAlignment alignment { get; set; }
        public Font font { get; set; }
    }

    /// <summary>A text file among the assets.</summary>
    public sealed class TextAsset : Object
    {
        public TextAsset(string text)
        {
            this.text = text;
        }

        public string text { get; }

        public override string ToString() => text;
    }
}
