using UnityEngine;

namespace Fedxr
{
    /// <summary>The colour of one object, kept in the scene so that no material asset is needed.</summary>
    [ExecuteAlways]
    [DisallowMultipleComponent]
    public sealed class Paint : MonoBehaviour
    {
        static MaterialPropertyBlock block;

        [SerializeField] Color color = Color.white;

        /// <summary>Red, green, blue, 0 to 1.</summary>
        public Color Color
        {
            get { return color; }
            set
            {
                color = value;
                Apply();
            }
        }

        void OnEnable()
        {
            Apply();
        }

        void OnValidate()
        {
            Apply();
        }

        void Apply()
        {
            var surface = GetComponent<Renderer>();
            if (surface == null)
                return;
            if (block == null)
                block = new MaterialPropertyBlock();
            block.SetColor("_Color", color);
            surface.SetPropertyBlock(block);
        }
    }
}
