/** Runs in a page, so it is the browser's JavaScript and stands alone. */

/**
 * The texts that are to be seen with a contrast below 4.5, WCAG's level AA.
 *
 * @returns {readonly string[]}
 */
export function faintTexts() {
  const rgb = color => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = color => {
    const [r = 0, g = 0, b = 0] = rgb(color).map(part => {
      const share = part / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = element => {
    if (element === null) return 'rgb(255, 255, 255)'
    const { backgroundColor } = getComputedStyle(element)
    return rgb(backgroundColor)[3] === 0 ? ground(element.parentElement) : backgroundColor
  }
  return [...document.querySelectorAll('body *')].flatMap(element => {
    const text = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE)
    const words = text.map(node => node.textContent?.trim()).join('')
    if (words === '' || !element.checkVisibility()) return []
    const [one, other] = [luminance(getComputedStyle(element).color), luminance(ground(element))]
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    return contrast < 4.5 ? [`${words}: ${contrast.toFixed(2)}`] : []
  })
}
