using System;
using System.Collections.Generic;
using UnityEngine;

namespace Fedxr.Player.Tests
{
    public enum Kind { First, Second, Third }

    [Serializable]
    public sealed class Inner
    {
        public int depth = 1;
    }

    [Serializable]
    public struct Piece
    {
        public string title;
        public float weight;
        public Inner inner;
    }

    /// <summary>One field of every kind that Unity serializes and our scripts use.</summary>
    public sealed class Every : MonoBehaviour
    {
        [SerializeField] string word, plain;
        public string long_;
        public int whole;
        [SerializeField] float fraction;
        [SerializeField] double exact;
        [SerializeField] bool flag;
        [SerializeField] Kind kind;
        [SerializeField] Vector3 place;
        [SerializeField] Color tint;
        [SerializeField] Camera eye;
        [SerializeField] GameObject thing;
        [SerializeField] Every other, nobody;
        [SerializeField] TextAsset notes;
        [SerializeField] Material paint;
        [SerializeField] string[] names, none;
        [SerializeField] List<int> counts;
        [SerializeField] Piece[] parts;
        [SerializeField] List<GameObject> things;
        [SerializeField] float kept = 0.75f;
        [SerializeField] Inner inner;

        [NonSerialized] public int unsaved = 3;

        int hidden = 4;

        public string AtAwake { get; private set; }

        void Awake()
        {
            AtAwake = word;
        }

        public string Tell() => string.Join("|", new object[]
        {
            word, plain, long_, whole, fraction, exact, flag, kind, place, tint, eye, thing, other, nobody == null,
            notes, paint, string.Join(",", names), none.Length, string.Join(",", counts), parts[0].title,
            parts[0].weight + parts[1].weight, parts[0].inner.depth + parts[1].inner.depth, things.Count,
            things[0], things[1] == null, kept, inner.depth, unsaved, hidden,
        });
    }
}
